import type { FirewallGroup, FirewallPrefixList } from '../ec2/ports/firewall.ts'
import { guestEndpoint } from '../ec2/ports/service-address.ts'
import type { InterfaceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { refusedMark, refusedMarks } from './flow-table.ts'
import { connectEndpointRuleset } from './connect-endpoint-ruleset.ts'
import { dnsRules, dnsTables } from './dns-ruleset.ts'
import { blocksOf, type Family, familiesOf, hasIpv6, ipv4, ipv6, ofFamily } from './family.ts'
import { type RuleScope, ruleLine, set, setOf } from './rule-line.ts'
import { filteredSubnets, subnetChains, subnetSet } from './subnet-ruleset.ts'
import { carrierRuleset } from './carrier-ruleset.ts'
import { hostDevice } from './host-device.ts'
import { peeringRuleset, remoteGroupsOf } from './peering-ruleset.ts'
import { type AddressOwner, addressesOf, dualStackInterfacesOf } from './interface-address.ts'
import { internetSendersOf } from './internet-address.ts'
import { ipv6Chains, ipv6Input, neverForwarded } from './ipv6-ruleset.ts'
import { metadataIpv6Address, timeAddress } from './service-address.ts'
import { timePort } from './time/time-server.ts'

/** Where the metadata service listens in every namespace. */
export const metadataAddress = guestEndpoint.address
/** pasta's interface in the namespace. */
export const egressInterface = 'egress0'

/** Connections that a plain metadata answer was seen on. */
const plainAnswerMark = 2

/**
 * The nftables ruleset of a VPC, loaded in one transaction: the old table goes and the new one is there. Connections that were
 * allowed go on, as EC2's tracked connections do. `hostBlocks` are the host's own addresses, or its networks: guests must not reach them by
 * the way out.
 * As on EC2, groups do not filter what a guest has with DHCP, the VPC's DNS, the metadata service and the time service. Pure.
 */
export function vpcRuleset(vpc: VpcNetwork, hostBlocks: readonly string[]): string {
  const endpoints = vpc.connectEndpoints ?? []
  const members = [...vpc.interfaces, ...endpoints]
  const groups = vpc.groups.filter(({ id }) => members.some(({ groupIds }) => groupIds.includes(id)))
  const peerIds = new Set(
    groups.flatMap(({ ingress, egress }) => [...ingress, ...egress].map(({ groupId }) => groupId)),
  )
  const families = familiesOf(vpc)
  const scope = scopeOf(vpc)
  const subnets = filteredSubnets(vpc)
  const isCounted = [...vpc.interfaces, ...vpc.natGateways].some((owner) => owner.isCounted)
  const carriers = carrierRuleset(vpc, egressInterface)
  const connect = connectEndpointRuleset(vpc, { groups, chainOf })
  const peerings = peeringRuleset(vpc)
  const lines = [
    'table inet vpc',
    'delete table inet vpc',
    'table inet vpc {',
    ...families.flatMap((family) => [
      ...vpc.groups.filter(({ id }) => peerIds.has(id)).map((group) => memberSet(group, members, family)),
      ...vpc.prefixLists.map((list) => prefixListSet(list, family)),
    ]),
    ...subnets.map((subnet) => subnetSet(subnet, vpc)),
    ...dnsTables(vpc),
    ...carriers.declarations,
    ...peerings.declarations,
    ...refusals(isCounted),
    ...subnetChains(subnets, vpc),
    ...groups.flatMap((group) => groupChains(group, scope)),
    ...interfaceChains(vpc.interfaces, groups),
    ...internetGateway(vpc),
    '  chain standing {',
    ...(subnets.length > 0 ? ['    jump subnets_entered'] : []),
    '    accept',
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy drop;',
    ...carriers.checks,
    ...peerings.checks,
    // Before what stands is let through: a route that is gone is gone for connections that stand, too.
    `    oifname "${egressInterface}" jump internet_gateway`,
    // Network ACLs know no connections that stand. In EC2's order: what a packet's sender is refused is not for its receiver to refuse.
    ...(subnets.length > 0 ? ['    jump subnets_left'] : []),
    '    ct state established,related goto standing',
    '    iifname "eni*" ct state invalid goto refused_leaving',
    '    ct state invalid goto refused_entering',
    ...families.flatMap((family) => {
      const own = ofFamily(family, hostBlocks)
      return [
        `    ${family.ip} daddr { ${neverForwarded(family).join(', ')} } drop`,
        ...(own.length > 0 ? [`    oifname "${egressInterface}" ${family.ip} daddr { ${own.join(', ')} } drop`] : []),
      ]
    }),
    ...carriers.admission,
    // The mark that chose the routing table has done its work.
    '    iifname "eni*" meta mark set 0',
    '    iifname "eni*" jump from_interface',
    ...(subnets.length > 0 ? ['    jump subnets_entered'] : []),
    `    iifname "eni*" oifname "${egressInterface}" accept`,
    ...carriers.passage,
    ...peerings.passage,
    '    oifname "eni*" iifname "eni*" goto to_interface',
    ...(vpc.isRouted ? [`    oifname "eni*" iifname "${hostDevice}" goto to_interface`] : []),
    '  }',
    '  chain input {',
    '    type filter hook input priority filter; policy drop;',
    '    iifname "lo" accept',
    ...dnsRules(vpc),
    '    ct state established,related accept',
    '    iifname "eni*" udp dport 67 accept',
    `    iifname "eni*" ip daddr ${metadataAddress} tcp dport { 80, ${guestEndpoint.port} } accept`,
    `    iifname "eni*" ip daddr ${timeAddress} udp dport ${timePort} accept`,
    ...ipv6Input(vpc),
    '  }',
    ...ipv6Chains(vpc),
    ...hopLimit(vpc),
    ...connect.chains,
    '  chain output {',
    '    type filter hook output priority filter; policy accept;',
    // Who connects to a guest that is not there yet, or any more, must not come to whoever has its address in the host's network.
    ...families.map(
      (family) =>
        `    oifname "${egressInterface}" ${family.ip} daddr { ${blocksOf(vpc, family).join(', ')} } reject with ${family.unreachableHost}`,
    ),
    ...connect.rules,
    `    ip saddr ${metadataAddress} tcp sport 80 jump metadata_answer`,
    ...(hasIpv6(vpc) ? [`    ip6 saddr ${metadataIpv6Address} tcp sport 80 jump metadata_answer`] : []),
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    oifname "${egressInterface}" masquerade`,
    '  }',
    '}',
    '',
  ]
  return lines.join('\n')
}

/**
 * Where a packet goes that security groups or network ACLs refuse. One that is counted for flow logs is marked, seen by the flow table
 * (flow-table.ts), and dropped by a chain that comes after that.
 */
function refusals(isCounted: boolean): string[] {
  const refusal = (mark: number) => (isCounted ? `meta mark set 0x${mark.toString(16)} accept` : 'drop')
  return [
    '  chain refused_leaving {',
    `    ${refusal(refusedMark.leaving)}`,
    '  }',
    '  chain refused_entering {',
    `    ${refusal(refusedMark.entering)}`,
    '  }',
    ...(isCounted
      ? [
          '  chain refused {',
          '    type filter hook forward priority filter + 10; policy accept;',
          `    meta mark & 0x${refusedMarks.toString(16)} != 0 drop`,
          '  }',
        ]
      : []),
  ]
}

/** The security group whose rule a line of the ruleset is; undefined for what is not a group's. */
export function groupOfLine(line: string): string | undefined {
  return /^ {4}.* comment "(sg-[^"]+)"$/.exec(line)?.[1]
}

/**
 * The hop limit is for the answer with a token alone. A connection carries one answer (metadata-server.ts), and every packet of it
 * with content has the hop limit until its first one has shown that it is another answer. That way nobody behind a guest
 * gets at a token by a receive window so small that the answer comes in pieces. `HTTP/1.1 200 OK` and its line end have 17 bytes;
 * the service begins the first header of a token answer, and of no other, with `X-`.
 */
function hopLimit(vpc: VpcNetwork): string[] {
  const isPlain = `ct mark ${plainAnswerMark}`
  const limited = (family: Family, field: string, interfaces: readonly InterfaceNetwork[]) =>
    interfaces.flatMap((owner) =>
      addressesOf(owner, family).map(
        (address) => `    ${family.ip} daddr ${address} @ih,0,8 != 0 ${field} set ${owner.metadata.hopLimit}`,
      ),
    )
  return [
    '  chain metadata_answer {',
    `    ${isPlain} return`,
    `    @ih,0,72 0x485454502f312e3120 @ih,136,16 != 0x582d ct mark set ${plainAnswerMark} return`,
    ...limited(ipv4, 'ip ttl', vpc.interfaces),
    ...limited(ipv6, 'ip6 hoplimit', dualStackInterfacesOf(vpc)),
    '  }',
  ]
}

function memberSet(
  group: FirewallGroup,
  owners: readonly (AddressOwner & Pick<InterfaceNetwork, 'groupIds'>)[],
  family: Family,
): string {
  const members = owners.filter(({ groupIds }) => groupIds.includes(group.id))
  return set(
    setOf(group.id, family),
    family.address,
    members.flatMap((owner) => addressesOf(owner, family)),
  )
}

/** Blocks may overlap: auto-merge joins them. */
function prefixListSet({ id, cidrs }: FirewallPrefixList, family: Family): string {
  return set(setOf(id, family), `${family.address}; flags interval; auto-merge`, ofFamily(family, cidrs))
}

/** What rules of groups may name besides blocks of addresses. */
function scopeOf(vpc: VpcNetwork): RuleScope {
  const remote = new Set(remoteGroupsOf(vpc, ipv4).map(([groupId]) => groupId))
  const peers = new Set([...[...vpc.groups, ...vpc.prefixLists].map(({ id }) => id), ...remote])
  return { families: familiesOf(vpc), peers, remote }
}

/**
 * The way of a packet to its groups: one look at a map, however many interfaces there are, and a chain for each combination of groups that
 * some of them have.
 */
function interfaceChains(interfaces: readonly InterfaceNetwork[], groups: readonly FirewallGroup[]): string[] {
  const combinations = new Map<string, { readonly ids: readonly string[]; readonly taps: string[] }>()
  for (const { tapName, groupIds } of interfaces) {
    const ids = presentGroups(groupIds, groups)
    const combination = combinations.get(ids.join()) ?? { ids, taps: [] }
    combination.taps.push(tapName)
    combinations.set(ids.join(), combination)
  }
  const all = [...combinations.values()].filter(({ ids }) => ids.length > 0)
  const chains = (direction: 'in' | 'out', last: readonly string[]) =>
    all.flatMap(({ ids }, index) => [
      `  chain groups_${index}_${direction} {`,
      ...ids.map((id) => `    jump ${chainOf(id, direction)}`),
      ...last.map((line) => `    ${line}`),
      '  }',
    ])
  const ways = (key: string, direction: 'in' | 'out') => {
    const elements = all.flatMap(({ taps }, index) =>
      taps.map((tapName) => `"${tapName}" : goto groups_${index}_${direction}`),
    )
    return elements.length > 0 ? [`    ${key} vmap { ${elements.join(', ')} }`] : []
  }
  return [
    ...chains('in', ['goto refused_entering']),
    '  chain to_interface {',
    ...ways('oifname', 'in'),
    '    goto refused_entering',
    '  }',
    ...chains('out', ['meta mark 1 return', 'goto refused_leaving']),
    '  chain from_interface {',
    ...ways('iifname', 'out'),
    '    goto refused_leaving',
    '  }',
  ]
}

/** An interface may name a group that was just deleted: it opens nothing. */
function presentGroups(groupIds: readonly string[], groups: readonly FirewallGroup[]): string[] {
  return groupIds.filter((id) => groups.some((group) => group.id === id))
}

/**
 * A packet leaves by the gateway where the route table of its subnet leads there and its address has a public one, as on EC2. Where the
 * table has other routes besides, the kernel has chosen by them (routing-table.ts). What is local to the VPC never leaves.
 */
function internetGateway(vpc: VpcNetwork): string[] {
  const families = familiesOf(vpc)
  return [
    ...families.map((family) =>
      set(
        `internet_senders${family.suffix}`,
        `ifname . ${family.address}`,
        internetSendersOf(vpc, family).map(({ device, address }) => `"${device}" . ${address}`),
      ),
    ),
    '  chain internet_gateway {',
    ...families.map((family) => `    ${family.ip} daddr { ${blocksOf(vpc, family).join(', ')} } drop`),
    ...families.map(({ ip, suffix }) => `    iifname . ${ip} saddr @internet_senders${suffix} return`),
    '    drop',
    '  }',
  ]
}

function groupChains({ id, ingress, egress }: FirewallGroup, scope: RuleScope): string[] {
  return [
    `  chain ${chainOf(id, 'in')} {`,
    ...ingress.flatMap((rule) => ruleLine(rule, 'saddr', 'accept', scope)).map((line) => `${line} comment "${id}"`),
    '  }',
    `  chain ${chainOf(id, 'out')} {`,
    ...egress
      .flatMap((rule) => ruleLine(rule, 'daddr', 'meta mark set 1 return', scope))
      .map((line) => `${line} comment "${id}"`),
    '  }',
  ]
}

function chainOf(groupId: string, direction: 'in' | 'out'): string {
  return `${groupId.replace('-', '_')}_${direction}`
}
