import type { FirewallGroup, FirewallRule, InterfaceNetwork, VpcNetwork } from '../ec2/ports/network.ts'

/** Where the metadata service listens in every namespace. */
export const metadataAddress = '169.254.169.254'
/** The link-local address of the VPC's DNS server. */
export const dnsAddress = '169.254.169.253'
/** Where pasta passes DNS questions on to the host's own resolver. Guests cannot reach it: only the VPC's DNS server does. */
export const upstreamDnsAddress = '169.254.169.252'
/** pasta's interface in the namespace. */
export const egressInterface = 'egress0'

/**
 * The nftables ruleset of a VPC, loaded in one transaction: the old table goes and the new one is there. Connections that were
 * allowed go on, as EC2's tracked connections do. `hostAddresses` are the host's own: guests must not reach them by the way out.
 */
export function vpcRuleset(vpc: VpcNetwork, hostAddresses: readonly string[]): string {
  const groups = vpc.groups.filter(({ id }) => vpc.interfaces.some(({ groupIds }) => groupIds.includes(id)))
  const lines = [
    'table inet vpc',
    'delete table inet vpc',
    'table inet vpc {',
    ...vpc.groups.map((group) => memberSet(group, vpc.interfaces)),
    '  chain anti_spoofing {',
    ...vpc.interfaces.filter(({ hasSourceDestCheck }) => hasSourceDestCheck).map(antiSpoofing),
    '  }',
    ...groups.flatMap(groupChains),
    '  chain to_interface {',
    ...vpc.interfaces.flatMap((networkInterface) =>
      networkInterface.groupIds.map((id) => `    oifname "${networkInterface.tapName}" jump ${chainOf(id, 'in')}`),
    ),
    '    drop',
    '  }',
    '  chain from_interface {',
    ...vpc.interfaces.flatMap((networkInterface) =>
      networkInterface.groupIds.map((id) => `    iifname "${networkInterface.tapName}" jump ${chainOf(id, 'out')}`),
    ),
    '    meta mark 1 return',
    '    drop',
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy drop;',
    '    jump anti_spoofing',
    '    ct state established,related accept',
    '    ct state invalid drop',
    '    ip daddr { 127.0.0.0/8, 169.254.0.0/16 } drop',
    ...(hostAddresses.length > 0
      ? [`    oifname "${egressInterface}" ip daddr { ${hostAddresses.join(', ')} } drop`]
      : []),
    '    iifname "eni*" meta mark set 0',
    '    iifname "eni*" jump from_interface',
    ...internetAccess(vpc),
    '    oifname "eni*" iifname "eni*" goto to_interface',
    '  }',
    '  chain anti_spoofing_input {',
    ...vpc.interfaces.map(
      ({ tapName, privateIp }) => `    iifname "${tapName}" ip saddr != { ${privateIp}, 0.0.0.0 } drop`,
    ),
    '  }',
    '  chain input {',
    '    type filter hook input priority filter; policy drop;',
    '    iifname "lo" accept',
    '    jump anti_spoofing_input',
    '    ct state established,related accept',
    '    iifname "eni*" udp dport 67 accept',
    `    iifname "eni*" ip daddr { ${dnsAddress}, ${resolverAddress(vpc.cidr)} } meta l4proto { tcp, udp } th dport 53 accept`,
    ...vpc.interfaces
      .filter(({ metadata }) => metadata.isEnabled)
      .map(({ tapName }) => `    iifname "${tapName}" ip daddr ${metadataAddress} tcp dport 80 accept`),
    '    iifname "eni*" icmp type echo-request accept',
    '  }',
    '  chain output {',
    '    type filter hook output priority filter; policy accept;',
    ...vpc.interfaces.map(
      ({ privateIp, metadata }) =>
        // `HTTP/1.1 200 OK` and its line end have 17 bytes: the first letters of the first header come next. The metadata
        // service begins the answer to a token request with `X-` and every other one with another letter.
        `    ip daddr ${privateIp} ip saddr ${metadataAddress} tcp sport 80 @ih,136,16 0x582d ip ttl set ${metadata.hopLimit}`,
    ),
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

function memberSet(group: FirewallGroup, interfaces: readonly InterfaceNetwork[]): string {
  const members = interfaces.filter(({ groupIds }) => groupIds.includes(group.id)).map(({ privateIp }) => privateIp)
  const elements = members.length > 0 ? ` elements = { ${members.join(', ')} };` : ''
  return `  set ${setOf(group.id)} { type ipv4_addr;${elements} }`
}

function antiSpoofing({ tapName, privateIp }: InterfaceNetwork): string {
  return `    iifname "${tapName}" ip saddr != ${privateIp} drop`
}

/** A packet leaves by the gateway where its subnet has a route there and its interface a public address, as on EC2. */
function internetAccess(vpc: VpcNetwork): string[] {
  const routed = new Set(vpc.subnets.filter(({ hasInternetRoute }) => hasInternetRoute).map(({ id }) => id))
  return vpc.interfaces
    .filter(({ subnetId, publicIp }) => routed.has(subnetId) && publicIp !== undefined)
    .map(({ tapName }) => `    iifname "${tapName}" oifname "${egressInterface}" accept`)
}

function groupChains(group: FirewallGroup): string[] {
  return [
    `  chain ${chainOf(group.id, 'in')} {`,
    ...group.ingress.flatMap((rule) => matchesOf(rule, 'saddr').map((match) => `    ${match} accept`)),
    '  }',
    `  chain ${chainOf(group.id, 'out')} {`,
    ...group.egress.flatMap((rule) => matchesOf(rule, 'daddr').map((match) => `    ${match} meta mark set 1 return`)),
    '  }',
  ]
}

function matchesOf(rule: FirewallRule, direction: 'saddr' | 'daddr'): string[] {
  const peer = peerMatch(rule, direction)
  const protocol = protocolMatch(rule)
  return [[peer, protocol].filter((part) => part !== '').join(' ')]
}

function peerMatch({ cidr, groupId }: FirewallRule, direction: 'saddr' | 'daddr'): string {
  if (groupId !== undefined) return `ip ${direction} @${setOf(groupId)}`
  if (cidr === undefined) return ''
  if (cidr.includes(':')) return `ip6 ${direction} ${cidr}`
  return cidr === '0.0.0.0/0' ? 'meta nfproto ipv4' : `ip ${direction} ${cidr}`
}

function protocolMatch({ protocol, fromPort, toPort, icmpType, icmpCode }: FirewallRule): string {
  switch (protocol) {
    case 'all':
      return ''
    case 'tcp':
    case 'udp':
      if (fromPort === undefined || toPort === undefined || (fromPort === 0 && toPort === 65_535)) {
        return `meta l4proto ${protocol}`
      }
      return `${protocol} dport ${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`
    case 'icmp':
    case 'icmpv6': {
      if (icmpType === undefined) return `meta l4proto ${protocol === 'icmp' ? 'icmp' : 'ipv6-icmp'}`
      const code = icmpCode === undefined ? '' : ` ${protocol} code ${icmpCode}`
      return `${protocol} type ${icmpType}${code}`
    }
    default:
      return `meta l4proto ${protocol}`
  }
}

function chainOf(groupId: string, direction: 'in' | 'out'): string {
  return `${groupId.replace('-', '_')}_${direction}`
}

function setOf(groupId: string): string {
  return `${groupId.replace('-', '_')}_members`
}
