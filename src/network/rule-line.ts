import type { FirewallRule } from '../ec2/ports/network.ts'

/** No line where the rule can match nothing: the namespace carries no IPv6, and a group that is gone has no members. */
export function ruleLine(
  rule: FirewallRule,
  direction: 'saddr' | 'daddr',
  verdict: string,
  peers: ReadonlySet<string>,
): string[] {
  if (rule.protocol === 'icmpv6' || rule.cidr?.includes(':')) return []
  const peer = rule.groupId ?? rule.prefixListId
  if (peer !== undefined && !peers.has(peer)) return []
  const parts = [peerMatch(rule, direction), protocolMatch(rule), verdict]
  return [`    ${parts.filter((part) => part !== '').join(' ')}`]
}

function peerMatch({ cidr, prefixListId, groupId }: FirewallRule, direction: 'saddr' | 'daddr'): string {
  const peer = groupId ?? prefixListId
  if (peer !== undefined) return `ip ${direction} @${setOf(peer)}`
  return cidr === undefined || cidr === '0.0.0.0/0' ? 'meta nfproto ipv4' : `ip ${direction} ${cidr}`
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
    case 'icmp': {
      if (icmpType === undefined) return 'meta l4proto icmp'
      const code = icmpCode === undefined ? '' : ` icmp code ${icmpCode}`
      return `icmp type ${icmpType}${code}`
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

/** Of a security group's members, or of a prefix list's blocks. */
export function setOf(id: string): string {
  return `${id.replace('-', '_')}_members`
}
