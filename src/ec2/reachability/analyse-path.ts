import { isIpv6Block } from '../cidr.ts'
import type { FirewallRule } from '../ports/firewall.ts'
import type { InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import type { Hop, Obstacle } from './hop.ts'
import { addressesOfInterface, answerTo, echoRequestTo, firstAddressOf, isIpv6Packet, type Packet } from './packet.ts'
import { type FollowedTrace, followPacket, type KnownNetworks } from './follow.ts'
import type { Trace } from './trace.ts'
import { type Place, placeOfInterface } from './way.ts'

/** What is asked: whether a connection from one end to the other comes about. */
export interface PathQuestion {
  readonly protocol: Packet['protocol']
  /** An interface, or outside: by the internet gateway, from an address that may be left open. */
  readonly source: PathEnd
  /** An interface, or an address that may be anybody's. */
  readonly destination: PathEnd
  /** Of TCP and UDP. */
  readonly port?: number
  /** Any of those that systems give to clients, when absent. */
  readonly sourcePort?: number
}

export type PathEnd =
  | { readonly kind: 'interface'; readonly owner: InterfaceNetwork; readonly address?: string }
  | { readonly kind: 'outside'; readonly address?: string }

/** Ports inclusive. */
export interface PortSpan {
  readonly from: number
  readonly to: number
}

export interface PathAnalysis {
  readonly isFound: boolean
  readonly forward: readonly Hop[]
  /** Of the answers; empty when it is not known where the packet comes to. */
  readonly back: readonly Hop[]
  readonly obstacles: readonly Obstacle[]
  /** The ports of the source from which it comes about; those that it was tried from, when from none. */
  readonly sourcePorts: readonly PortSpan[]
  /** What it rests on besides the records. */
  readonly assumptions: readonly string[]
}

/** What Linux gives to clients. */
export const ephemeralPorts: PortSpan = { from: 32_768, to: 60_999 }
/** Blocks that say nothing of who is meant. */
const everybody: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0'])
/** Of documentation (RFC 5737, RFC 3849): stands for everybody whom no rule names. */
const somebody = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const
const standIns = /\b(192\.0\.2\.1|2001:db8::1)(?![0-9a-f:]|\.\d)/g

/**
 * Whether a connection comes about: the first packet there, and the answer back, which network ACLs look at again. Of a source that is left
 * open, addresses that rules name are tried, and ports on either side of every bound of an ACL; one that gets through is enough. Pure.
 */
export function analysePath(
  vpc: VpcNetwork,
  question: PathQuestion,
  around: Partial<Omit<KnownNetworks, 'vpc'>> = {},
): PathAnalysis {
  const networks: KnownNetworks = { vpc, peerOf: () => undefined, ...around }
  const isIpv6 = [question.source, question.destination].some(({ address }) => address?.includes(':'))
  const speechless = [question.source, question.destination].find(
    (end) => end.kind === 'interface' && firstAddressOf(end.owner, isIpv6) === undefined,
  )
  if (speechless?.kind === 'interface') return hasNoIpv6(speechless.owner)
  const attempts = sourcesOf(vpc, question, isIpv6).map((source) => tryFrom(networks, question, source))
  const found = attempts.find(({ isFound }) => isFound)
  const best = found ?? attempts.reduce((a, b) => (b.obstacles.length < a.obstacles.length ? b : a))
  const isOpen = [question.source, question.destination].some(({ kind, address }) => kind === 'outside' && !address)
  return isOpen ? { ...best, obstacles: best.obstacles.map(withoutStandIn) } : best
}

/** Nobody has asked about the address that stands for everybody. */
function withoutStandIn(obstacle: Obstacle): Obstacle {
  return { ...obstacle, text: obstacle.text.replaceAll(standIns, 'the internet') }
}

function tryFrom(networks: KnownNetworks, question: PathQuestion, source: string): PathAnalysis {
  const spans = question.protocol === 'icmp' ? [{ from: 0, to: 0 }] : spansOf(networks, question.sourcePort)
  const tries = spans.map((span) => ({ span, ...tryOnce(networks, question, source, span.from) }))
  const passed = tries.filter(({ obstacles }) => obstacles.length === 0)
  const [shown] = passed.length > 0 ? passed : tries
  return {
    isFound: passed.length > 0,
    forward: shown?.there.hops ?? [],
    back: shown?.back?.hops ?? [],
    obstacles: shown?.obstacles ?? [],
    sourcePorts: joinSpans((passed.length > 0 ? passed : tries).map(({ span }) => span)),
    assumptions: shown ? assumptionsOf(shown.there) : [],
  }
}

function tryOnce(
  networks: KnownNetworks,
  { protocol, source: from, destination: to, port = 0 }: PathQuestion,
  source: string,
  sourcePort: number,
): { there: Trace; back: Trace | undefined; obstacles: readonly Obstacle[] } {
  const { vpc } = networks
  const isIpv6 = isIpv6Block(source)
  const known = to.address ?? (to.kind === 'interface' ? firstAddressOf(to.owner, isIpv6) : undefined)
  const destination = known ?? somebody[isIpv6 ? 'ipv6' : 'ipv4']
  const packet: Packet = {
    ...{ protocol, source, destination, sourcePort: protocol === 'icmp' ? 0 : sourcePort, destinationPort: port },
    ...(protocol === 'icmp' ? echoRequestTo(destination) : {}),
  }
  if (from.kind === 'interface' && addressesOfInterface(from.owner).includes(packet.destination)) {
    return { there: staysInside(packet, from.owner), back: undefined, obstacles: [] }
  }
  // Whom somebody stands for is not of the host's LAN, whatever that has for addresses.
  const { closed: _closed, ...open } = networks
  const there = followPacket(known === undefined ? open : networks, startOf(vpc, from, packet))
  const back = there.end && traceAnswer(networks, there, there.end, from)
  return { there, back, obstacles: [...there.obstacles, ...(back?.obstacles ?? [])] }
}

function startOf(vpc: VpcNetwork, from: PathEnd, packet: Packet) {
  if (from.kind === 'interface') return { vpc, packet, from: placeOfInterface(from.owner), isAnswer: false }
  const owner = vpc.interfaces.find((candidate) => addressesOfInterface(candidate).includes(packet.destination))
  return {
    ...{ vpc, packet, isAnswer: false, from: { kind: 'outside' } as const },
    ...(owner ? { entrance: placeOfInterface(owner) } : {}),
  }
}

/** The answer begins where the packet came to; one from outside comes in where that went out. */
function traceAnswer(networks: KnownNetworks, there: FollowedTrace, end: Place, from: PathEnd): Trace {
  const packet = answerTo(there.packet)
  const { translations, exit, isByEgressOnly = false } = there
  const back = followPacket(networks, {
    ...{ vpc: there.vpc, packet, from: end, isAnswer: true, translations },
    ...(exit ? { entrance: exit, isByEgressOnly } : {}),
  })
  const isHome =
    back.end?.kind === (from.kind === 'outside' ? 'outside' : 'interface') &&
    (back.end.kind !== 'interface' || from.kind !== 'interface' || back.end.owner.id === from.owner.id)
  if (isHome || back.obstacles.length > 0) return back
  const text = `the answer to ${packet.destination} comes to another place than the question came from`
  const hop = back.hops.at(-1)
  return {
    ...back,
    obstacles: [{ code: 'NO_ROUTE_TO_DESTINATION', text, isOfAnswer: true, ...(hop ? { hop } : {}) }],
  }
}

/** What an instance sends to itself, no router sees. */
function staysInside(packet: Packet, { id: interfaceId, subnetId }: InterfaceNetwork): Trace {
  const hops = [{ kind: 'interface' as const, interfaceId, subnetId, packet }]
  return { hops, obstacles: [], packet, translations: [] }
}

/** An interface without an address of the family that is asked about neither sends nor gets anything by it. */
function hasNoIpv6({ id: interfaceId }: InterfaceNetwork): PathAnalysis {
  const text = `${interfaceId} has no IPv6 address`
  return {
    ...{ isFound: false, forward: [], back: [], sourcePorts: [], assumptions: [] },
    obstacles: [{ code: 'NO_POSSIBLE_DESTINATION', text, isOfAnswer: false, interfaceId }],
  }
}

function sourcesOf(vpc: VpcNetwork, { source }: PathQuestion, isIpv6: boolean): string[] {
  if (source.address !== undefined) return [source.address]
  if (source.kind === 'interface') return [firstAddressOf(source.owner, isIpv6) ?? source.owner.privateIp]
  const anybody = somebody[isIpv6 ? 'ipv6' : 'ipv4']
  const rules: readonly FirewallRule[] = [
    ...vpc.groups.flatMap(({ ingress }) => ingress),
    ...vpc.subnets.flatMap(({ acl }) => acl?.ingress ?? []),
  ]
  const cidrs = [...rules.flatMap(({ cidr }) => cidr ?? []), ...vpc.prefixLists.flatMap((list) => list.cidrs)].filter(
    (cidr) => isIpv6Block(cidr) === isIpv6 && !everybody.has(cidr),
  )
  return [...new Set([anybody, ...cidrs.map((cidr) => cidr.split('/')[0] ?? anybody)])]
}

/** The source's ports, cut at every bound of an entry: within a piece all are treated alike. */
function spansOf({ vpc, peerOf }: KnownNetworks, sourcePort: number | undefined): PortSpan[] {
  if (sourcePort !== undefined) return [{ from: sourcePort, to: sourcePort }]
  const { from, to } = ephemeralPorts
  const peers = vpc.peerings.flatMap(({ peerVpcId }) => peerOf(peerVpcId) ?? [])
  const entries = [vpc, ...peers]
    .flatMap(({ subnets }) => subnets)
    .flatMap(({ acl }) => (acl ? [...acl.ingress, ...acl.egress] : []))
  const starts = entries
    .flatMap(({ fromPort, toPort }) => (fromPort === undefined || toPort === undefined ? [] : [fromPort, toPort + 1]))
    .filter((port) => port > from && port <= to)
  const bounds = [...new Set([from, ...starts])].sort((a, b) => a - b)
  return bounds.map((start, index) => ({ from: start, to: (bounds[index + 1] ?? to + 1) - 1 }))
}

function joinSpans(spans: readonly PortSpan[]): PortSpan[] {
  const joined: PortSpan[] = []
  for (const span of spans) {
    const last = joined.at(-1)
    if (last && last.to + 1 === span.from) joined[joined.length - 1] = { from: last.from, to: span.to }
    else joined.push(span)
  }
  return joined
}

/** What Kiln cannot see into. */
function assumptionsOf({ hops }: Trace): string[] {
  return hops.flatMap((hop, index) => {
    if (hop.kind === 'interface' && index > 0 && index < hops.length - 1) {
      return [`the instance of ${hop.interfaceId} forwards what is not for it`]
    }
    const isGateway = hop.kind === 'internet-gateway' || hop.kind === 'egress-only-gateway'
    return isGateway && isIpv6Packet(hop.packet) ? ['the host itself has a way to the internet by IPv6'] : []
  })
}
