import type { IpPermission } from '@aws-sdk/client-ec2'
import { CliError, exitCode } from './failure.ts'

/** Who a rule lets in, or out to. */
export interface RulePeers {
  /** CIDR blocks, IPv4 or IPv6, and ids of prefix lists. */
  readonly addresses: readonly string[]
  readonly groupIds: readonly string[]
  readonly description?: string | undefined
}

/** `tcp 80`, `udp 8000-8080`, `icmp`, `icmp 8/0`, `all` or a protocol number as EC2's permission. Throws CliError with the form. */
export function parseRule(protocol: string, ports: string | undefined, peers: RulePeers): IpPermission {
  const Description = peers.description
  const described = Description === undefined ? {} : { Description }
  const isPrefixList = (text: string) => text.startsWith('pl-')
  const isIpv6 = (text: string) => text.includes(':')
  return {
    IpProtocol: protocol === 'all' ? '-1' : protocol,
    ...parsePorts(protocol, ports),
    ...optional(
      'IpRanges',
      peers.addresses
        .filter((text) => !isIpv6(text) && !isPrefixList(text))
        .map((CidrIp) => ({ CidrIp, ...described })),
    ),
    ...optional(
      'Ipv6Ranges',
      peers.addresses.filter(isIpv6).map((CidrIpv6) => ({ CidrIpv6, ...described })),
    ),
    ...optional(
      'PrefixListIds',
      peers.addresses.filter(isPrefixList).map((PrefixListId) => ({ PrefixListId, ...described })),
    ),
    ...optional(
      'UserIdGroupPairs',
      peers.groupIds.map((GroupId) => ({ GroupId, ...described })),
    ),
  }
}

function optional<Name extends string, Item>(name: Name, items: Item[]): Partial<Record<Name, Item[]>> {
  return items.length > 0 ? ({ [name]: items } as Partial<Record<Name, Item[]>>) : {}
}

function parsePorts(protocol: string, ports: string | undefined): { FromPort?: number; ToPort?: number } {
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    if (ports === undefined || ports === 'all') return { FromPort: -1, ToPort: -1 }
    const [type, code] = readNumbers(ports, '/', 255) ?? usage('An ICMP type is 8, or 8/0 with its code')
    return { FromPort: type ?? -1, ToPort: code ?? -1 }
  }
  if (protocol === 'tcp' || protocol === 'udp') {
    if (ports === 'all') return { FromPort: 0, ToPort: 65_535 }
    const [from, to] = (ports === undefined ? undefined : readNumbers(ports, '-', 65_535)) ?? usage(portsForm(protocol))
    if (from !== undefined && to !== undefined && from > to) usage(portsForm(protocol))
    return { ...(from === undefined ? {} : { FromPort: from, ToPort: to ?? from }) }
  }
  if (protocol !== 'all' && !/^(-1|\d{1,3})$/.test(protocol)) {
    usage(`A protocol is tcp, udp, icmp, icmpv6, all or a number, not ${protocol}`)
  }
  if (ports !== undefined) usage(`The protocol ${protocol} has no ports`)
  return {}
}

function portsForm(protocol: string): string {
  return `Ports of ${protocol} are 80, 8000-8080 or all`
}

/** One number, or two with the separator between; undefined when it is something else. */
function readNumbers(text: string, separator: string, maximum: number): number[] | undefined {
  const parts = text.split(separator)
  const isFine = parts.length <= 2 && parts.every((part) => /^\d{1,5}$/.test(part) && Number(part) <= maximum)
  return isFine ? parts.map(Number) : undefined
}

function usage(sentence: string): never {
  throw new CliError(`${sentence}.`, { exitCode: exitCode.usage })
}
