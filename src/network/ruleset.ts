import {
  type FirewallGroup,
  type FirewallPrefixList,
  guestEndpoint,
  type InterfaceNetwork,
  type VpcNetwork,
} from '../ec2/ports/network.ts'
import { ruleLine, set, setOf } from './rule-line.ts'
import { filteredSubnets, subnetChains, subnetSet } from './subnet-ruleset.ts'
import { privateAddressesOf } from './interface-address.ts'
import { internetAddressesOf } from './internet-address.ts'

/** Where the metadata service listens in every namespace. */
export const metadataAddress = guestEndpoint.address
/** The link-local address of the VPC's DNS server. */
export const dnsAddress = '169.254.169.253'
/** Where pasta passes DNS questions on to the host's own resolver. Guests cannot reach it: only the VPC's DNS server does. */
export const upstreamDnsAddress = '169.254.169.252'
/** pasta's interface in the namespace. */
export const egressInterface = 'egress0'

/** Connections that a plain metadata answer was seen on. */
const plainAnswerMark = 2

/**
 * The nftables ruleset of a VPC, loaded in one transaction: the old table goes and the new one is there. Connections that were
 * allowed go on, as EC2's tracked connections do. `hostAddresses` are the host's own: guests must not reach them by the way out.
 * As on EC2, groups do not filter what a guest has with DHCP, the VPC's DNS and the metadata service. Pure.
 */
export function vpcRuleset(vpc: VpcNetwork, hostAddresses: readonly string[]): string {
  const groups = vpc.groups.filter(({ id }) => vpc.interfaces.some(({ groupIds }) => groupIds.includes(id)))
  const checked = vpc.interfaces.filter(({ hasSourceDestCheck }) => hasSourceDestCheck)
  const unchecked = vpc.interfaces.filter(({ hasSourceDestCheck }) => !hasSourceDestCheck)
  const peerIds = new Set(
    groups.flatMap(({ ingress, egress }) => [...ingress, ...egress].map(({ groupId }) => groupId)),
  )
  const subnets = filteredSubnets(vpc)
  const lines = [
    'table inet vpc',
    'delete table inet vpc',
    'table inet vpc {',
    ...vpc.groups.filter(({ id }) => peerIds.has(id)).map((group) => memberSet(group, vpc.interfaces)),
    ...vpc.prefixLists.map(prefixListSet),
    ...subnets.map((subnet) => subnetSet(subnet, vpc.interfaces)),
    set('senders', 'ifname . ether_addr . ipv4_addr', checked.flatMap(sendersOf)),
    set(
      'routers',
      'ifname . ether_addr',
      unchecked.map(({ tapName, mac }) => `"${tapName}" . ${mac}`),
    ),
    // What comes from a guest has its interface's own MAC and, unless it may route for others, its own address.
    '  chain anti_spoofing {',
    '    iifname . ether saddr . ip saddr @senders return',
    '    meta nfproto ipv4 iifname . ether saddr @routers return',
    '    drop',
    '  }',
    ...subnetChains(subnets),
    ...groups.flatMap((group) => groupChains(group, peersOf(vpc))),
    '  chain to_interface {',
    ...vpc.interfaces.flatMap(({ tapName, groupIds }) =>
      presentGroups(groupIds, groups).map((id) => `    oifname "${tapName}" jump ${chainOf(id, 'in')}`),
    ),
    '    drop',
    '  }',
    '  chain from_interface {',
    ...vpc.interfaces.flatMap(({ tapName, groupIds }) =>
      presentGroups(groupIds, groups).map((id) => `    iifname "${tapName}" jump ${chainOf(id, 'out')}`),
    ),
    '    meta mark 1 return',
    '    drop',
    '  }',
    ...internetGateway(vpc),
    '  chain forward {',
    '    type filter hook forward priority filter; policy drop;',
    '    iifname "eni*" jump anti_spoofing',
    // Before what stands is let through: a route that is gone is gone for connections that stand, too.
    `    oifname "${egressInterface}" jump internet_gateway`,
    // Before the connections that stand: network ACLs know none.
    ...(subnets.length > 0 ? ['    jump subnet_edges'] : []),
    '    ct state established,related accept',
    '    ct state invalid drop',
    '    ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255 } drop',
    ...(hostAddresses.length > 0
      ? [`    oifname "${egressInterface}" ip daddr { ${hostAddresses.join(', ')} } drop`]
      : []),
    '    iifname "eni*" meta mark set 0',
    '    iifname "eni*" jump from_interface',
    `    iifname "eni*" oifname "${egressInterface}" accept`,
    '    oifname "eni*" iifname "eni*" goto to_interface',
    '  }',
    '  chain input {',
    '    type filter hook input priority filter; policy drop;',
    '    iifname "lo" accept',
    '    iifname "eni*" ip saddr 0.0.0.0 udp dport 67 accept',
    '    iifname "eni*" jump anti_spoofing',
    '    ct state established,related accept',
    '    iifname "eni*" udp dport 67 accept',
    ...(vpc.hasDns
      ? [
          `    iifname "eni*" ip daddr { ${dnsAddress}, ${resolverAddress(vpc.cidr)} } meta l4proto { tcp, udp } th dport 53 accept`,
        ]
      : []),
    `    iifname "eni*" ip daddr ${metadataAddress} tcp dport { 80, ${guestEndpoint.port} } accept`,
    '  }',
    ...hopLimit(vpc.interfaces),
    '  chain output {',
    '    type filter hook output priority filter; policy accept;',
    `    ip saddr ${metadataAddress} tcp sport 80 jump metadata_answer`,
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

/** base + 2 of the VPC's CIDR ("Amazon DNS server"). */
export function resolverAddress(cidr: string): string {
  const [address = '0.0.0.0'] = cidr.split('/')
  const octets = address.split('.').map(Number)
  octets[3] = (octets[3] ?? 0) + 2
  return octets.join('.')
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
function hopLimit(interfaces: readonly InterfaceNetwork[]): string[] {
  const isPlain = `ct mark ${plainAnswerMark}`
  return [
    '  chain metadata_answer {',
    `    ${isPlain} return`,
    `    @ih,0,72 0x485454502f312e3120 @ih,136,16 != 0x582d ct mark set ${plainAnswerMark} return`,
    ...interfaces.flatMap((networkInterface) =>
      privateAddressesOf(networkInterface).map(
        (address) => `    ip daddr ${address} @ih,0,8 != 0 ip ttl set ${networkInterface.metadata.hopLimit}`,
      ),
    ),
    '  }',
  ]
}

function sendersOf(networkInterface: InterfaceNetwork): string[] {
  const { tapName, mac } = networkInterface
  return privateAddressesOf(networkInterface).map((address) => `"${tapName}" . ${mac} . ${address}`)
}

function memberSet(group: FirewallGroup, interfaces: readonly InterfaceNetwork[]): string {
  const members = interfaces.filter(({ groupIds }) => groupIds.includes(group.id)).flatMap(privateAddressesOf)
  return set(setOf(group.id), 'ipv4_addr', members)
}

/** Blocks may overlap: auto-merge joins them. */
function prefixListSet({ id, cidrs }: FirewallPrefixList): string {
  return set(
    setOf(id),
    'ipv4_addr; flags interval; auto-merge',
    cidrs.filter((cidr) => !cidr.includes(':')),
  )
}

/** What rules may name besides blocks of addresses. */
function peersOf(vpc: VpcNetwork): ReadonlySet<string> {
  return new Set([...vpc.groups, ...vpc.prefixLists].map(({ id }) => id))
}

/** An interface may name a group that was just deleted: it opens nothing. */
function presentGroups(groupIds: readonly string[], groups: readonly FirewallGroup[]): string[] {
  return groupIds.filter((id) => groups.some((group) => group.id === id))
}

/**
 * A packet leaves by the gateway where the route table of its subnet leads there and its address has a public one, as on EC2. What
 * is local to the VPC never does: the local route is the most specific one.
 */
function internetGateway(vpc: VpcNetwork): string[] {
  const senders = internetAddressesOf(vpc)
  const everywhere = senders.filter(({ destinations }) => destinations.includes('0.0.0.0/0'))
  const somewhere = senders.filter(({ destinations }) => !destinations.includes('0.0.0.0/0'))
  return [
    set(
      'internet_senders',
      'ifname . ipv4_addr',
      everywhere.map(({ tapName, privateIp }) => `"${tapName}" . ${privateIp}`),
    ),
    '  chain internet_gateway {',
    `    ip daddr { ${[vpc.cidr, ...vpc.secondaryCidrs].join(', ')} } drop`,
    '    iifname . ip saddr @internet_senders return',
    ...somewhere.flatMap(({ tapName, privateIp, destinations }) =>
      destinations.map((block) => `    iifname "${tapName}" ip saddr ${privateIp} ip daddr ${block} return`),
    ),
    '    drop',
    '  }',
  ]
}

function groupChains({ id, ingress, egress }: FirewallGroup, peers: ReadonlySet<string>): string[] {
  return [
    `  chain ${chainOf(id, 'in')} {`,
    ...ingress.flatMap((rule) => ruleLine(rule, 'saddr', 'accept', peers)).map((line) => `${line} comment "${id}"`),
    '  }',
    `  chain ${chainOf(id, 'out')} {`,
    ...egress
      .flatMap((rule) => ruleLine(rule, 'daddr', 'meta mark set 1 return', peers))
      .map((line) => `${line} comment "${id}"`),
    '  }',
  ]
}

function chainOf(groupId: string, direction: 'in' | 'out'): string {
  return `${groupId.replace('-', '_')}_${direction}`
}
