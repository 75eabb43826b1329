import { canonicalAddress, isIpv6Block } from '../cidr.ts'
import {
  type ConnectEndpointRecord,
  findConnectEndpoint,
  isConnectEndpointThere,
} from '../connect-endpoint/connect-endpoint.ts'
import type { Domain } from '../domain.ts'
import { type Ec2Error, invalidParameterValue } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { InstanceMetadataOptions } from '../instance/instance.ts'
import { addressesOf, type InterfaceRecord } from '../network-interface/network-interface.ts'
import type { VpcNetwork } from '../ports/vpc-network.ts'
import type { Scope, Store } from '../ports/store.ts'
import { liveStates, readVpcNetwork } from '../vpc/network-driver.ts'
import type { PathAnalysis, PathEnd, PathQuestion } from './analyse-path.ts'
import { analysePath } from './analyse-path.ts'
import { analyseEndpointPath } from './connect-endpoint-path.ts'
import type { Obstacle } from './hop.ts'
import { analyseServicePath, serviceAt } from './vpc-service.ts'

/** A path as somebody names it: ids, addresses, `internet` or `host` at its ends. */
export interface NamedPath {
  /** An instance, an interface, an EC2 Instance Connect Endpoint, an internet gateway, an address, `internet`, or `host`. */
  readonly source: string
  readonly sourceIp?: string
  /** The same; absent when `destinationIp` says it. */
  readonly destination?: string
  readonly destinationIp?: string
  readonly protocol: PathQuestion['protocol']
  readonly port?: number
  readonly sourcePort?: number
}

/** An end as records have it. */
type RecordedEnd =
  | { readonly kind: 'interface'; readonly record: InterfaceRecord; readonly address?: string }
  | { readonly kind: 'endpoint'; readonly record: ConnectEndpointRecord; readonly address?: string }
  | { readonly kind: 'outside'; readonly vpcId?: string; readonly address?: string }

/** Where connections of the host itself come from, as rules see them. */
const hostAddresses = { ipv4: '127.0.0.1', ipv6: '::1' } as const
const allStates: ReadonlySet<string> = new Set([...liveStates, 'stopped'])

/**
 * Analyses a path by what is recorded now. Throws `…Malformed` and `…NotFound` for what is not the caller's, InvalidParameterValue for ends
 * that cannot be.
 */
export function analyseNamedPath(domain: Domain, scope: Scope, path: NamedPath): PathAnalysis {
  const { store, clock, networks } = domain
  const given = readEnd(store, scope, path.source, path.sourceIp, undefined)
  const [from, to] = ofOneFamily(
    given,
    readEnd(store, scope, path.destination ?? path.destinationIp ?? '', path.destinationIp, given),
  )
  const vpcId = vpcOf(from) ?? vpcOf(to)
  if (vpcId === undefined) {
    throw invalidParameterValue('Destination', path.destination ?? '', 'One end must be an instance or an interface.')
  }
  const read = (id: string) => readVpcNetwork(store, id, { now: clock.now(), states: allStates })
  const vpc = read(vpcId)
  if (to.kind === 'endpoint') return nothingFound([`connections begin at ${to.record.id}, and none ends there`])
  if (from.kind === 'endpoint') return withStopped(store, analyseFromEndpoint(vpc, from, to, path))
  const unattached = [from, to].flatMap((end) =>
    end.kind === 'interface' && !end.record.attachment ? [isLoose(end.record)] : [],
  )
  const ends = vpc && [placeEnd(vpc, from), placeEnd(vpc, to)]
  const [source, destination] = ends ?? []
  if (!vpc || !source || !destination || unattached.length > 0) return nothingFound(unattached)
  const { protocol, port, sourcePort } = path
  const asked = {
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
  }
  const service = destination.address === undefined ? undefined : serviceAt(vpc, destination.address)
  const analysis =
    service !== undefined && destination.address !== undefined && source.kind === 'interface'
      ? analyseServicePath(
          vpc,
          service,
          source.owner,
          { ...asked, address: destination.address },
          metadataOptionsOf(store, source.owner.id),
        )
      : analysePath(
          vpc,
          { ...asked, source, destination },
          {
            peerOf: remember((id) => (store.vpcs.find(id)?.accountId === scope.accountId ? read(id) : undefined)),
            closed: networks.closedNetworks(),
          },
        )
  return withStopped(store, analysis)
}

function analyseFromEndpoint(
  vpc: VpcNetwork | undefined,
  { record }: RecordedEnd & { kind: 'endpoint' },
  to: Exclude<RecordedEnd, { kind: 'endpoint' }>,
  { protocol, port, sourcePort }: NamedPath,
): PathAnalysis {
  if (!isConnectEndpointThere(record)) return nothingFound([`${record.id} is ${record.state}`])
  if (to.kind === 'interface' && !to.record.attachment) return nothingFound([isLoose(to.record)])
  const target = vpc && placeEnd(vpc, to)
  if (!vpc || target?.kind !== 'interface') {
    return nothingFound([`${record.id} reaches instances of ${record.vpcId}, and nothing else`])
  }
  const { interfaceId, subnetId, privateIp, ipv6Address, groupIds } = record
  const isIpv6 = to.address !== undefined && isIpv6Block(to.address)
  const source = { interfaceId, subnetId, groupIds, address: isIpv6 ? ipv6Address : privateIp }
  return analyseEndpointPath(vpc, source, target, {
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
  })
}

function metadataOptionsOf(store: Store, interfaceId: string): InstanceMetadataOptions | undefined {
  const instanceId = store.interfaces.find(interfaceId)?.attachment?.instanceId
  return instanceId === undefined ? undefined : store.instances.find(instanceId)?.metadataOptions
}

/** A path is tried from many addresses and ports. */
function remember(read: (vpcId: string) => VpcNetwork | undefined): (vpcId: string) => VpcNetwork | undefined {
  const known = new Map<string, VpcNetwork | undefined>()
  return (vpcId) => {
    if (!known.has(vpcId)) known.set(vpcId, read(vpcId))
    return known.get(vpcId)
  }
}

/** Throws as analyseNamedPath for what cannot be an end of a path of EC2's: an instance, an interface or an internet gateway. */
export function requirePathEnd(store: Store, scope: Scope, name: string): void {
  if (!/(^|\/)(i|eni|igw)-[^/]*$/.test(name)) throw notAnEnd(name)
  readEnd(store, scope, name, undefined, undefined)
}

function readEnd(
  store: Store,
  scope: Scope,
  given: string,
  address: string | undefined,
  other: RecordedEnd | undefined,
): RecordedEnd {
  // EC2 takes ARNs as well.
  const name = given.replace(/^arn:aws[a-z-]*:ec2:[^:]*:[^:]*:[a-z-]+\//, '')
  const wanted = address === undefined ? undefined : (canonicalAddress(address) ?? address)
  const at = wanted === undefined ? {} : { address: wanted }
  if (name.startsWith('i-')) {
    const { id } = findOne('i', name, (known) => store.instances.get(scope, known))
    const attached = store.interfaces.listBy('attachment.instanceId', id)
    const record = attached.find((candidate) => has(candidate, wanted)) ?? primaryOf(attached)
    if (record) return { kind: 'interface', record, ...at }
    throw invalidParameterValue('Source', name, 'The instance has no network interface.')
  }
  if (name.startsWith('eni-')) {
    const record = findOne('eni', name, (id) => store.interfaces.get(scope, id))
    const endpoint = store.connectEndpoints
      .listBy('vpcId', record.vpcId)
      .find((known) => known.interfaceId === record.id)
    return endpoint ? { kind: 'endpoint', record: endpoint } : { kind: 'interface', record, ...at }
  }
  if (name.startsWith('eice-')) return { kind: 'endpoint', record: findConnectEndpoint(store, scope, name) }
  if (name.startsWith('igw-')) {
    const { vpcId } = findOne('igw', name, (id) => store.internetGateways.get(scope, id))
    return { kind: 'outside', ...(vpcId === undefined ? {} : { vpcId }), ...at }
  }
  if (name === 'internet') return { kind: 'outside', ...at }
  if (name === 'host') return { kind: 'outside', address: hostAddresses.ipv4 }
  const literal = canonicalAddress(name)
  if (literal !== undefined) return readAddress(store, scope, literal, other)
  throw notAnEnd(name)
}

function notAnEnd(name: string): Ec2Error {
  const why =
    'Expected an instance, a network interface or an internet gateway. An address is a SourceIp or DestinationIp.'
  return invalidParameterValue('Source or Destination', name.slice(0, 80), why)
}

/** A private address is looked for in the VPC of the other end, or in all of the caller's; a public one is its interface's. */
function readAddress(store: Store, scope: Scope, address: string, other: RecordedEnd | undefined): RecordedEnd {
  const vpcId = other && vpcOf(other)
  const owners = [
    ...store.interfaces.listBy('privateIp', address),
    ...store.interfaces.listBy('secondaryIps[].privateIp', address),
    ...store.interfaces.listBy('ipv6Addresses[]', address),
  ].filter(({ accountId, region, vpcId: own }) =>
    vpcId === undefined ? accountId === scope.accountId && region === scope.region : own === vpcId,
  )
  const [owner, ...more] = owners
  if (owner && more.length > 0) {
    throw invalidParameterValue('Source', address, 'Several VPCs have it: name the interface.')
  }
  if (owner) return { kind: 'interface', record: owner, address }
  const named = [
    ...store.interfaces.listBy('publicIp', address),
    ...store.interfaces.listBy('secondaryIps[].publicIp', address),
  ].find(({ accountId, region }) => accountId === scope.accountId && region === scope.region)
  const inside = named && addressesOf(named).find(({ publicIp }) => publicIp === address)?.privateIp
  if (named && inside) return { kind: 'interface', record: named, address: inside }
  return { kind: 'outside', address }
}

/**
 * Both ends with addresses of one family: of IPv6 where one of them has such an address. Throws InvalidParameterValue for ends that are
 * of different ones.
 */
function ofOneFamily(from: RecordedEnd, to: RecordedEnd): readonly [RecordedEnd, RecordedEnd] {
  if (![from, to].some(({ address }) => address !== undefined && isIpv6Block(address))) return [from, to]
  const inIpv6 = (end: RecordedEnd): RecordedEnd => {
    const address = end.address === hostAddresses.ipv4 ? hostAddresses.ipv6 : (end.address ?? firstIpv6Of(end))
    if (address === undefined) return end
    if (isIpv6Block(address)) return { ...end, address }
    throw invalidParameterValue('Destination', address, 'One end is an IPv4 and the other one an IPv6 address.')
  }
  return [inIpv6(from), inIpv6(to)]
}

function firstIpv6Of(end: RecordedEnd): string | undefined {
  return end.kind === 'interface' ? end.record.ipv6Addresses?.[0] : undefined
}

function vpcOf(end: RecordedEnd): string | undefined {
  return end.kind === 'outside' ? end.vpcId : end.record.vpcId
}

function isLoose({ id }: InterfaceRecord): string {
  return `${id} is not attached to an instance`
}

function placeEnd(vpc: VpcNetwork, end: Exclude<RecordedEnd, { kind: 'endpoint' }>): PathEnd | undefined {
  const at = end.address === undefined ? {} : { address: end.address }
  if (end.kind === 'outside') return { kind: 'outside', ...at }
  const owner = vpc.interfaces.find(({ id }) => id === end.record.id)
  if (owner) return { kind: 'interface', owner, ...at }
  // Another VPC's: whether there is a way to its address, the routes say.
  return end.record.vpcId === vpc.id ? undefined : { kind: 'outside', address: end.address ?? end.record.privateIp }
}

function has(record: InterfaceRecord, address: string | undefined): boolean {
  return (
    addressesOf(record).some(({ privateIp }) => privateIp === address) ||
    (address !== undefined && (record.ipv6Addresses ?? []).includes(address))
  )
}

function primaryOf(attached: readonly InterfaceRecord[]): InterfaceRecord | undefined {
  return attached.find(({ attachment }) => attachment?.deviceIndex === 0) ?? attached[0]
}

function withStopped(store: Store, analysis: PathAnalysis): PathAnalysis {
  const stopped = stoppedInstances(store, analysis)
  return stopped.length === 0
    ? analysis
    : { ...analysis, isFound: false, obstacles: [...stopped, ...analysis.obstacles] }
}

/** Whatever the rules say, an instance that does not run neither sends nor gets anything. */
function stoppedInstances(store: Store, { forward }: PathAnalysis): Obstacle[] {
  const hops = new Map(forward.flatMap((hop) => (hop.kind === 'interface' ? [[hop.interfaceId, hop] as const] : [])))
  return [...hops].flatMap(([interfaceId, hop]) => {
    const instanceId = store.interfaces.find(interfaceId)?.attachment?.instanceId
    const instance = instanceId === undefined ? undefined : store.instances.find(instanceId)
    if (!instance || liveStates.has(instance.state)) return []
    return [{ ...badState(`the instance ${instance.id} is ${instance.state}`), interfaceId, hop }]
  })
}

function nothingFound(reasons: readonly string[]): PathAnalysis {
  const why = reasons.length > 0 ? reasons : ['an end of the path is being made or is gone']
  const obstacles = why.map((text) => badState(text))
  return { isFound: false, forward: [], back: [], obstacles, sourcePorts: [], assumptions: [] }
}

function badState(text: string): Obstacle {
  return { code: 'BAD_STATE', text, isOfAnswer: false }
}
