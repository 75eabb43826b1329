import type { Logger } from 'pino'
import { coalesceByKey } from '../../host/coalesce.ts'
import { describeDhcp } from '../dhcp-options/dhcp-options.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { privateNameOf } from '../network-interface/dns-name.ts'
import { type InterfaceRecord, tapNameOf } from '../network-interface/network-interface.ts'
import { readSubnetAcls } from '../network-acl/subnet-acl.ts'
import {
  amazonProvidedDns,
  type DhcpNetwork,
  type FirewallGroup,
  type FirewallPrefixList,
  type FirewallRule,
  type InterfaceNetwork,
  type Network,
  type VpcNetwork,
} from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import { internetDestinationsOf } from '../route-table/route-table.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from '../security-group/security-group.ts'
import { hasResourceNames } from '../subnet/subnet.ts'
import { hasDnsSupport, privateDomainOf, type VpcRecord } from './vpc.ts'

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
}

/** States in which an instance's machine may live and so needs its taps. */
const liveStates: ReadonlySet<string> = new Set(['pending', 'running', 'stopping', 'shutting-down'])

export function createNetworkDriver(dependencies: { store: Store; network: Network; log: Logger }): NetworkDriver {
  const { store, network, log } = dependencies
  const refresh = coalesceByKey(async (vpcId) => {
    const vpc = readVpcNetwork(store, vpcId)
    if (vpc === undefined) await network.remove(vpcId)
    else if (vpc.interfaces.length === 0) await network.idle(vpc)
    else await network.converge(vpc)
  })
  return {
    refresh,
    refreshSoon: (vpcId, onRefreshed) => {
      refresh(vpcId).then(onRefreshed, (error: unknown) =>
        log.error({ vpcId, err: error }, 'network could not be refreshed'),
      )
    },
  }
}

/** The VPC as the network shall be, from the records; undefined when it is not recorded. */
function readVpcNetwork(store: Store, vpcId: string): VpcNetwork | undefined {
  const vpc = store.vpcs.find(vpcId)
  if (!vpc) return undefined
  const domain = privateDomainOf(vpc.region)
  const groups = store.securityGroups.listBy('vpcId', vpcId)
  const acls = readSubnetAcls(store, vpcId)
  const interfaces: InterfaceNetwork[] = []
  for (const record of store.interfaces.listBy('vpcId', vpcId)) {
    const instance = record.attachment && store.instances.find(record.attachment.instanceId)
    if (instance && liveStates.has(instance.state)) interfaces.push(describeInterface(store, record, instance))
  }
  const tables = store.routeTables.listBy('vpcId', vpcId)
  return {
    id: vpc.id,
    cidr: vpc.cidr,
    secondaryCidrs: (vpc.secondaryCidrs ?? []).map(({ cidr }) => cidr),
    domain,
    hasDns: hasDnsSupport(vpc),
    dhcp: readDhcp(store, vpc),
    subnets: store.subnets.listBy('vpcId', vpcId).map((subnet) => ({
      id: subnet.id,
      cidr: subnet.cidr,
      internetDestinations: internetDestinationsOf(store, tables, subnet),
      ...acls.get(subnet.id),
    })),
    groups: groups.map(describeGroup),
    prefixLists: readPrefixLists(store, groups),
    interfaces,
  }
}

/** A VPC without a resolver tells nobody of it. */
function readDhcp(store: Store, vpc: VpcRecord): DhcpNetwork {
  const dhcp = describeDhcp(store.dhcpOptions.find(vpc.dhcpOptionsId))
  if (hasDnsSupport(vpc)) return dhcp
  return { ...dhcp, nameServers: dhcp.nameServers.filter((server) => server !== amazonProvidedDns) }
}

function describeInterface(store: Store, record: InterfaceRecord, instance: InstanceRecord): InterfaceNetwork {
  const { region } = record
  const subnet = store.subnets.find(instance.subnetId)
  const isPrimary = record.attachment?.deviceIndex === 0
  return {
    id: record.id,
    tapName: tapNameOf(record.id),
    mac: record.macAddress,
    subnetId: record.subnetId,
    privateIp: record.privateIp,
    dnsNames: [
      privateNameOf(record.privateIp, region),
      ...(isPrimary && (!subnet || hasResourceNames(subnet)) ? [`${instance.id}.${privateDomainOf(region)}`] : []),
    ],
    groupIds: record.groupIds,
    hasSourceDestCheck: record.hasSourceDestCheck,
    ...(record.publicIp ? { publicIp: record.publicIp } : {}),
    secondaryAddresses: (record.secondaryIps ?? []).map(({ privateIp, publicIp }) => ({
      privateIp,
      dnsName: privateNameOf(privateIp, region),
      ...(publicIp ? { publicIp } : {}),
    })),
    metadata: { hopLimit: instance.metadataOptions.httpPutResponseHopLimit },
  }
}

function readPrefixLists(store: Store, groups: readonly SecurityGroupRecord[]): FirewallPrefixList[] {
  const ids = new Set(groups.flatMap(({ rules }) => rules.flatMap(({ prefixListId }) => prefixListId ?? [])))
  return [...ids].map((id) => ({ id, cidrs: store.prefixLists.find(id)?.entries.map(({ cidr }) => cidr) ?? [] }))
}

function describeGroup(group: SecurityGroupRecord): FirewallGroup {
  return {
    id: group.id,
    ingress: group.rules.filter((rule) => !rule.isEgress).map(describeRule),
    egress: group.rules.filter((rule) => rule.isEgress).map(describeRule),
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
