import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import { isConnectEndpointThere } from '../connect-endpoint/connect-endpoint.ts'
import { describeDhcp } from '../dhcp-options/dhcp-options.ts'
import { readImpairments } from '../fault/read-impairments.ts'
import { ipv6ProtocolOf } from '../instance/metadata-options.ts'
import { bridgedDevicesOf } from '../instance/bridged-device.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { type HostNames, ipv6NamesOfInterface, namesOfInterface } from './interface-name.ts'
import { readZones } from '../dns-zone/zone-network.ts'
import { createZoneWatch } from '../dns-zone/zone-watch.ts'
import { type InterfaceRecord, tapNameOf } from '../network-interface/network-interface.ts'
import { readSubnetAcls } from '../network-acl/subnet-acl.ts'
import { amazonProvidedDns, type DhcpNetwork } from '../ports/dhcp.ts'
import type { FirewallGroup, FirewallPrefixList, FirewallRule } from '../ports/firewall.ts'
import type { ClosedNetworks, Network } from '../ports/network.ts'
import type { Ipv6HostNetwork } from '../ports/vpc-names.ts'
import type { BridgedDeviceNetwork, InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import type { Store } from '../ports/store.ts'
import { routesOfSubnet } from '../route-table/subnet-routes.ts'
import { carriesPackets } from '../nat-gateway/nat-gateway.ts'
import { type RouteTableRecord, tableOfSubnet } from '../route-table/route-table.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from '../security-group/security-group.ts'
import { createPeerWatch } from '../vpc-peering/peer-watch.ts'
import { readPeerings, readPeerNames } from '../vpc-peering/read-peerings.ts'
import type { SpareTaps } from './spare-taps.ts'
import { hasDnsSupport, ipv6CidrsOf, privateDomainOf, type VpcRecord } from './vpc.ts'

/** Keeps the packets in step with the records. */
export interface NetworkDriver {
  /**
   * Brings a VPC's namespace to what the records say: made with its first machine, ended some time after its last.
   * Resolves when that, or something newer, is in force.
   */
  refresh(vpcId: string): Promise<void>
  /**
   * The same for a VPC whose rules or options changed: returns at once, a failure is logged. Nothing where no machine lives. `onRefreshed`
   * is called when they are in force.
   */
  refreshSoon(vpcId: string, onRefreshed?: () => void): void
  /** Why packets cannot be delayed on this host; undefined when they can. */
  delayProblem(): Promise<string | undefined>
  /** Why no machine can be a port of that bridge of the host; undefined when it can. */
  bridgeProblem(bridge: string): string | undefined
  /** What of the host's own network guests do not reach by the way out. */
  closedNetworks(): ClosedNetworks
}

/** States in which an instance's machine may live and so needs its taps. */
export const liveStates: ReadonlySet<string> = new Set(['pending', 'running', 'stopping', 'shutting-down'])

export interface NetworkDriverDependencies {
  readonly store: Store
  readonly network: Network
  readonly clock: Clock
  readonly log: Logger
  /** Whether somebody looks at what passes a VPC, a subnet or an interface, without a flow log. */
  readonly isWatched: (resourceId: string) => boolean
  readonly spareTaps: SpareTaps
}

export function createNetworkDriver(dependencies: NetworkDriverDependencies): NetworkDriver {
  const { store, network, clock, log, isWatched, spareTaps } = dependencies
  const peers = createPeerWatch(store, clock, (record) => liveInstanceOf(store, record) !== undefined)
  const zones = createZoneWatch(store)
  const converge = coalesceByKey(async (vpcId) => {
    const recorded = readVpcNetwork(store, vpcId, { now: clock.now(), isWatched })
    const spare = spareTaps.of(vpcId)
    const vpc = recorded && spare.length > 0 ? { ...recorded, spareTaps: spare } : recorded
    peers.note(vpcId)
    zones.note(vpcId)
    if (vpc === undefined) await network.remove(vpcId)
    else if (vpc.interfaces.length === 0) await network.idle(vpc)
    else await network.converge(vpc)
  })

  async function refresh(vpcId: string): Promise<void> {
    for (const otherId of new Set([...peers.outdatedPeersOf(vpcId), ...zones.outdated()])) {
      if (otherId === vpcId) continue
      converge(otherId).catch((error: unknown) => {
        log.error({ vpcId: otherId, err: error }, 'network could not follow another one')
      })
    }
    await converge(vpcId)
  }

  return {
    refresh,
    delayProblem: async () => await network.delayProblem(),
    bridgeProblem: (bridge) => network.bridgeProblem(bridge),
    closedNetworks: () => network.closedNetworks(),
    refreshSoon: (vpcId, onRefreshed) => {
      refresh(vpcId).then(onRefreshed, (error: unknown) =>
        log.error({ vpcId, err: error }, 'network could not be refreshed'),
      )
    },
  }
}

/** What of a VPC is read. */
export interface VpcReading {
  readonly now: Date
  readonly isWatched?: (resourceId: string) => boolean
  /** Those of the instances whose interfaces are told; when absent, those in which an instance's machine may live. */
  readonly states?: ReadonlySet<string>
}

/** The VPC as the network shall be, from the records; undefined when it is not recorded. */
export function readVpcNetwork(
  store: Store,
  vpcId: string,
  { now, isWatched = () => false, states = liveStates }: VpcReading,
): VpcNetwork | undefined {
  const vpc = store.vpcs.find(vpcId)
  if (!vpc) return undefined
  const domain = privateDomainOf(vpc.region)
  const groups = store.securityGroups.listBy('vpcId', vpcId)
  const acls = readSubnetAcls(store, vpcId)
  const logged = new Set(store.flowLogs.listBy('vpcId', vpcId).map(({ resourceId }) => resourceId))
  const counting = (...ids: readonly string[]) =>
    [...ids, vpcId].some((id) => logged.has(id) || isWatched(id)) ? { isCounted: true } : {}
  const interfaces: InterfaceNetwork[] = []
  const bridgedDevices: BridgedDeviceNetwork[] = []
  const hosts: HostNames[] = []
  const ipv6Hosts: Ipv6HostNetwork[] = []
  for (const record of store.interfaces.listBy('vpcId', vpcId)) {
    const instance = record.attachment && store.instances.find(record.attachment.instanceId)
    if (instance && states.has(instance.state)) {
      interfaces.push({ ...describeInterface(store, record, instance), ...counting(record.id, record.subnetId) })
      if (record.attachment?.deviceIndex === 0) bridgedDevices.push(...bridgedDevicesOf(instance).map(describeBridged))
    } else {
      hosts.push(...namesOfInterface(store, record, instance))
      ipv6Hosts.push(...ipv6NamesOfInterface(store, record, instance))
    }
  }
  const tables = store.routeTables.listBy('vpcId', vpcId)
  const impairments = readImpairments(store, vpc, new Set(interfaces.map(({ id }) => id)), now)
  return {
    id: vpc.id,
    cidr: vpc.cidr,
    secondaryCidrs: (vpc.secondaryCidrs ?? []).map(({ cidr }) => cidr),
    ...(vpc.ipv6Cidrs ? { ipv6Cidrs: ipv6CidrsOf(vpc) } : {}),
    domain,
    ...describeGateways(store, vpcId),
    hasDns: hasDnsSupport(vpc),
    dhcp: readDhcp(store, vpc),
    names: {
      hosts: [...hosts, ...readPeerNames(store, vpc)],
      ...(ipv6Hosts.length > 0 ? { ipv6Hosts } : {}),
      zones: readZones(store, vpcId),
    },
    subnets: store.subnets.listBy('vpcId', vpcId).map((subnet) => ({
      id: subnet.id,
      cidr: subnet.cidr,
      ...(subnet.ipv6 ? { ipv6Cidr: subnet.ipv6.cidr } : {}),
      routes: routesOfSubnet(store, tables, subnet),
      ...describeTable(tableOfSubnet(tables, subnet.id)),
      ...acls.get(subnet.id),
    })),
    groups: groups.map(describeGroup),
    prefixLists: readPrefixLists(store, groups),
    interfaces,
    ...(bridgedDevices.length > 0 ? { bridgedDevices } : {}),
    natGateways: store.natGateways
      .listBy('vpcId', vpcId)
      .filter(carriesPackets)
      .map(({ id, subnetId, privateIp, connectivity, interfaceId }) => ({
        ...{ id, subnetId, privateIp },
        isPublic: connectivity === 'public',
        ...counting(interfaceId, subnetId),
      })),
    connectEndpoints: store.connectEndpoints
      .listBy('vpcId', vpcId)
      .filter(isConnectEndpointThere)
      .map(({ id, privateIp, ipv6Address, groupIds }) => ({
        ...{ id, privateIp, groupIds },
        ...(ipv6Address === undefined ? {} : { ipv6Addresses: [{ address: ipv6Address, names: [] }] }),
      })),
    peerings: readPeerings(store, vpc, (record) => liveInstanceOf(store, record) !== undefined),
    ...(impairments ? { impairments } : {}),
  }
}

function describeTable(table: RouteTableRecord | undefined): { routeTableId?: string } {
  return table ? { routeTableId: table.id } : {}
}

function describeGateways(store: Store, vpcId: string): Pick<VpcNetwork, 'internetGatewayId' | 'egressOnlyGatewayId'> {
  const [internet] = store.internetGateways.listBy('vpcId', vpcId)
  const [egressOnly] = store.egressOnlyGateways.listBy('vpcId', vpcId)
  return {
    ...(internet ? { internetGatewayId: internet.id } : {}),
    ...(egressOnly ? { egressOnlyGatewayId: egressOnly.id } : {}),
  }
}

function liveInstanceOf(store: Store, { attachment }: InterfaceRecord): InstanceRecord | undefined {
  const instance = attachment && store.instances.find(attachment.instanceId)
  return instance && liveStates.has(instance.state) ? instance : undefined
}

/** A VPC without a resolver tells nobody of it. */
function readDhcp(store: Store, vpc: VpcRecord): DhcpNetwork {
  const dhcp = describeDhcp(store.dhcpOptions.find(vpc.dhcpOptionsId))
  if (hasDnsSupport(vpc)) return dhcp
  return { ...dhcp, nameServers: dhcp.nameServers.filter((server) => server !== amazonProvidedDns) }
}

function describeInterface(store: Store, record: InterfaceRecord, instance: InstanceRecord): InterfaceNetwork {
  const [primary, ...secondary] = namesOfInterface(store, record, instance)
  const { metadataOptions } = instance
  return {
    id: record.id,
    tapName: tapNameOf(record.id),
    mac: record.macAddress,
    subnetId: record.subnetId,
    privateIp: record.privateIp,
    dnsNames: primary?.names ?? [],
    groupIds: record.groupIds,
    hasSourceDestCheck: record.hasSourceDestCheck,
    ...(record.publicIp ? { publicIp: record.publicIp } : {}),
    secondaryAddresses: (record.secondaryIps ?? []).map(({ privateIp, publicIp }, index) => ({
      privateIp,
      dnsNames: secondary[index]?.names ?? [],
      ...(publicIp ? { publicIp } : {}),
    })),
    ...(record.ipv6Addresses ? { ipv6Addresses: ipv6NamesOfInterface(store, record, instance) } : {}),
    metadata: {
      hopLimit: metadataOptions.httpPutResponseHopLimit,
      ...(ipv6ProtocolOf(metadataOptions) === 'enabled' ? { hasIpv6Endpoint: true } : {}),
    },
  }
}

function describeBridged({ tapName, bridge, mac }: BridgedDeviceNetwork): BridgedDeviceNetwork {
  return { tapName, bridge, mac }
}

function readPrefixLists(store: Store, groups: readonly SecurityGroupRecord[]): FirewallPrefixList[] {
  const ids = new Set(groups.flatMap(({ rules }) => rules.flatMap(({ prefixListId }) => prefixListId ?? [])))
  return [...ids].map((id) => ({ id, cidrs: store.prefixLists.find(id)?.entries.map(({ cidr }) => cidr) ?? [] }))
}

function describeGroup(group: SecurityGroupRecord): FirewallGroup {
  return {
    id: group.id,
    ingress: group.rules.filter((rule) => !rule.isEgress).map((rule) => ({ id: rule.id, ...describeRule(rule) })),
    egress: group.rules.filter((rule) => rule.isEgress).map((rule) => ({ id: rule.id, ...describeRule(rule) })),
  }
}

function describePeer({ cidrIpv4, cidrIpv6, prefixListId, peerGroupId }: SecurityGroupRule): Partial<FirewallRule> {
  if (prefixListId) return { prefixListId }
  return peerGroupId ? { groupId: peerGroupId } : { cidr: cidrIpv4 ?? cidrIpv6 ?? '' }
}

function describeRule(rule: SecurityGroupRule): FirewallRule {
  const peer = describePeer(rule)
  const { protocol, fromPort, toPort } = rule
  if (protocol === '-1') return { protocol: 'all', ...peer }
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    return {
      protocol,
      ...(fromPort >= 0 ? { icmpType: fromPort } : {}),
      ...(fromPort >= 0 && toPort >= 0 ? { icmpCode: toPort } : {}),
      ...peer,
    }
  }
  if (protocol === 'tcp' || protocol === 'udp') {
    return { protocol, ...(fromPort >= 0 ? { fromPort, toPort } : {}), ...peer }
  }
  return { protocol: Number(protocol), ...peer }
}
