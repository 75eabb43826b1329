import type { GroupRecord } from '../resolve/security-group.ts'
import type { Section } from './sections.ts'

type Permission = NonNullable<GroupRecord['IpPermissions']>[number]

/** A group with its rules, one line a peer; `all` gives the names of groups that rules mention. */
export function describeGroup(group: GroupRecord, all: readonly GroupRecord[]): Section[] {
  return [
    {
      rows: [
        ['Security group', group.GroupId],
        ['Name', group.GroupName],
        ['Description', group.Description],
        ['VPC', group.VpcId],
      ],
    },
    { title: 'In', rows: rulesOf(group.IpPermissions, 'from', all) },
    { title: 'Out', rows: rulesOf(group.IpPermissionsEgress, 'to', all) },
  ]
}

function rulesOf(
  permissions: readonly Permission[] | undefined,
  direction: 'from' | 'to',
  all: readonly GroupRecord[],
): [string, string][] {
  return (permissions ?? []).flatMap((permission) =>
    peersOf(permission, all).map((peer): [string, string] => [describeTraffic(permission), `${direction} ${peer}`]),
  )
}

function describeTraffic({ IpProtocol, FromPort, ToPort }: Permission): string {
  if (IpProtocol === '-1') return 'all'
  if (IpProtocol === 'icmp' || IpProtocol === 'icmpv6') {
    if (FromPort === undefined || FromPort === -1) return IpProtocol
    return `${IpProtocol} ${FromPort}${ToPort === undefined || ToPort === -1 ? '' : `/${ToPort}`}`
  }
  if (FromPort === undefined || FromPort === -1) return `protocol ${IpProtocol}`
  if (FromPort === 0 && ToPort === 65_535) return `${IpProtocol} all`
  return `${IpProtocol} ${FromPort === ToPort ? FromPort : `${FromPort}-${ToPort}`}`
}

function peersOf(
  { IpRanges, Ipv6Ranges, UserIdGroupPairs, PrefixListIds }: Permission,
  all: readonly GroupRecord[],
): string[] {
  const nameOf = (id: string | undefined) => all.find((group) => group.GroupId === id)?.GroupName
  const withNote = (peer: string, description: string | undefined) => (description ? `${peer}  ${description}` : peer)
  return [
    ...(IpRanges ?? []).map(({ CidrIp, Description }) => withNote(CidrIp ?? '', Description)),
    ...(Ipv6Ranges ?? []).map(({ CidrIpv6, Description }) => withNote(CidrIpv6 ?? '', Description)),
    ...(UserIdGroupPairs ?? []).map(({ GroupId, Description }) =>
      withNote([GroupId, nameOf(GroupId)].filter(Boolean).join(' '), Description),
    ),
    ...(PrefixListIds ?? []).map(({ PrefixListId, Description }) => withNote(PrefixListId ?? '', Description)),
  ]
}
