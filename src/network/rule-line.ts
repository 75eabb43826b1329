import type { FirewallRule } from '../ec2/ports/firewall.ts'
import { type Family, familyOf, ipv4 } from './family.ts'

/** What rules may name besides blocks of addresses, and whom they are for. */
export interface RuleScope {
  /** Those that the VPC carries. */
  readonly families: readonly Family[]
  /** Ids of groups and prefix lists that have sets. */
  readonly peers: ReadonlySet<string>
  /** Those that are groups of peers: their sets have a device beside each address. */
  readonly remote: ReadonlySet<string>
}

/**
 * A line for each family of addresses that the rule is for. None where it can match nothing: the VPC carries no IPv6, or a group that is
 * gone has no members.
 */
export function ruleLine(
  rule: FirewallRule,
  direction: 'saddr' | 'daddr',
  verdict: string,
  { families, peers, remote }: RuleScope,
): string[] {
  const peer = rule.groupId ?? rule.prefixListId
  if (peer !== undefined && !peers.has(peer)) return []
  return families
    .filter((family) => concerns(rule, family))
    .map((family) => {
      const parts = [peerMatch(rule, direction, family, remote), protocolMatch(rule), verdict]
      return `    ${parts.filter((part) => part !== '').join(' ')}`
    })
}

/** ICMP is one protocol in IPv4 and another one in IPv6. */
function concerns({ cidr, protocol }: FirewallRule, family: Family): boolean {
  if (cidr !== undefined && familyOf(cidr) !== family) return false
  return protocol !== (family === ipv4 ? 'icmpv6' : 'icmp')
}

function peerMatch(
  { cidr, prefixListId, groupId }: FirewallRule,
  direction: 'saddr' | 'daddr',
  family: Family,
  remote: ReadonlySet<string>,
): string {
  const address = `${family.ip} ${direction}`
  if (groupId !== undefined && remote.has(groupId)) {
    return `${direction === 'saddr' ? 'iifname' : 'oifname'} . ${address} @${setOf(groupId, family)}`
  }
  const peer = groupId ?? prefixListId
  if (peer !== undefined) return `${address} @${setOf(peer, family)}`
  return cidr === undefined || cidr === family.anywhere ? `meta nfproto ${family.protocol}` : `${address} ${cidr}`
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
      if (icmpType === undefined) return `meta l4proto ${protocol}`
      const code = icmpCode === undefined ? '' : ` ${protocol} code ${icmpCode}`
      return `${protocol} type ${icmpType}${code}`
    }
    default:
      return `meta l4proto ${protocol}`
  }
}

/** The declaration of a set, its elements included. */
export function set(name: string, type: string, elements: readonly string[]): string {
  const content = elements.length > 0 ? ` elements = { ${elements.join(', ')} };` : ''
  return `  set ${name} { type ${type};${content} }`
}

/** Of the addresses of one family that a security group's members, or a prefix list's blocks, have. */
export function setOf(id: string, family: Family): string {
  return `${id.replace('-', '_')}_members${family.suffix}`
}
