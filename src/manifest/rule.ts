import type { IpPermission } from '@aws-sdk/client-ec2'
import ipaddr from 'ipaddr.js'
import type { Jsonified } from '../api/contract.ts'
import type { LabRule } from './lab.ts'

/** Protocols of a manifest and what EC2 answers for them. */
export const protocols = { tcp: 'tcp', udp: 'udp', icmp: 'icmp', icmpv6: 'icmpv6', all: '-1' } as const

/** What EC2 gives a new group: everything may go out, by IPv6 as well in a VPC that has such addresses. */
export function defaultEgress(hasIpv6: boolean): LabRule[] {
  const cidrs = ['0.0.0.0/0', ...(hasIpv6 ? ['::/0'] : [])]
  return cidrs.map((cidr) => ({ protocol: '-1', fromPort: -1, toPort: -1, peer: { cidr } }))
}

/** Whether a text is the id of a managed prefix list. */
export function isPrefixListId(text: string): boolean {
  return /^pl-[0-9a-f]{17}$/.test(text)
}

/** A CIDR block as EC2 stores it, 10.1.2.3/8 as 10.0.0.0/8; undefined for what is none. */
export function normaliseCidr(text: string): string | undefined {
  if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text)) return undefined
  try {
    const [address, length] = ipaddr.parseCIDR(text)
    const kind = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
    return `${kind.networkAddressFromCIDR(text).toString()}/${length}`
  } catch {
    return undefined
  }
}

/** First and last port of `80` or `8000-8010`; undefined for what is neither. */
export function readPorts(value: number | string): { fromPort: number; toPort: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value))
  if (!match) return undefined
  const fromPort = Number(match[1])
  const toPort = Number(match[2] ?? match[1])
  return fromPort <= toPort && toPort <= 65_535 ? { fromPort, toPort } : undefined
}

/** The rules of a described group, peers that are groups as `keyOf` calls them. */
export function readPermissions(
  permissions: readonly Jsonified<IpPermission>[],
  keyOf: (groupId: string) => string,
): LabRule[] {
  return permissions.flatMap((permission) => {
    const { IpProtocol: protocol = '', FromPort: fromPort = -1, ToPort: toPort = -1 } = permission
    const rule = (peer: LabRule['peer'], description: string | undefined): LabRule => ({
      protocol,
      fromPort,
      toPort,
      peer,
      ...(description === undefined ? {} : { description }),
    })
    return [
      ...(permission.IpRanges ?? []).map((range) => rule({ cidr: range.CidrIp ?? '' }, range.Description)),
      ...(permission.Ipv6Ranges ?? []).map((range) => rule({ cidr: range.CidrIpv6 ?? '' }, range.Description)),
      ...(permission.UserIdGroupPairs ?? []).map((pair) =>
        rule({ group: keyOf(pair.GroupId ?? '') }, pair.Description),
      ),
      ...(permission.PrefixListIds ?? []).map(({ PrefixListId: prefixListId = '', Description: text }) =>
        rule({ prefixListId }, text),
      ),
    ]
  })
}

/** Rules as Authorize… and Revoke… want them. */
export function writePermissions(rules: readonly LabRule[], idOf: (group: string) => string): IpPermission[] {
  return rules.map(({ protocol, fromPort, toPort, peer, description }) => {
    const told = description === undefined ? {} : { Description: description }
    return {
      IpProtocol: protocol,
      ...(protocol === '-1' ? {} : { FromPort: fromPort, ToPort: toPort }),
      ...writePeer(peer, idOf, told),
    }
  })
}

function writePeer(
  peer: LabRule['peer'],
  idOf: (group: string) => string,
  told: { Description?: string },
): Partial<IpPermission> {
  if ('group' in peer) return { UserIdGroupPairs: [{ GroupId: idOf(peer.group), ...told }] }
  if ('prefixListId' in peer) return { PrefixListIds: [{ PrefixListId: peer.prefixListId, ...told }] }
  if (peer.cidr.includes(':')) return { Ipv6Ranges: [{ CidrIpv6: peer.cidr, ...told }] }
  return { IpRanges: [{ CidrIp: peer.cidr, ...told }] }
}

/** Who a rule names, as a manifest does. */
function formatPeer(peer: LabRule['peer']): string {
  if ('group' in peer) return peer.group
  return 'prefixListId' in peer ? peer.prefixListId : peer.cidr
}

/** A rule in a line, for the diff: `tcp 8000-8010 from 0.0.0.0/0`. Rules that read the same are the same. */
export function formatRule(rule: LabRule, direction: 'ingress' | 'egress'): string {
  const { protocol, fromPort, toPort, peer, description } = rule
  const name = protocol === '-1' ? 'all' : protocol.replace(/^\d+$/, 'protocol $&')
  const hasPorts = (protocol === 'tcp' || protocol === 'udp') && (fromPort !== 0 || toPort !== 65_535)
  const ports = hasPorts ? ` ${fromPort}${toPort === fromPort ? '' : `-${toPort}`}` : ''
  const code = toPort === -1 ? '' : ` code ${toPort}`
  const icmp = protocol.startsWith('icmp') && fromPort !== -1 ? ` type ${fromPort}${code}` : ''
  const told = description ? ` (${description})` : ''
  return `${name}${ports}${icmp} ${direction === 'ingress' ? 'from' : 'to'} ${formatPeer(peer)}${told}`
}
