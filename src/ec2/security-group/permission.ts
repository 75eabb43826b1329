import type { IpPermission, UserIdGroupPair } from '@aws-sdk/client-ec2'
import { readCidr } from '../cidr.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Scope, Store } from '../ports/store.ts'
import { findGroupsByName } from './find-group.ts'
import { groupTextRule, isGroupText } from './group-text.ts'
import { activePeeringBetween } from '../vpc-peering/vpc-peering.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

/** A rule that has no id yet. */
export type RuleDraft = Omit<SecurityGroupRule, 'id'>

/** Parameters of Authorize… and Revoke… that name one rule without `IpPermissions`, as older clients do. */
export interface FlatPermission {
  readonly IpProtocol?: string | undefined
  readonly FromPort?: number | undefined
  readonly ToPort?: number | undefined
  readonly CidrIp?: string | undefined
  readonly SourceSecurityGroupName?: string | undefined
  readonly SourceSecurityGroupOwnerId?: string | undefined
  readonly IpPermissions?: readonly IpPermission[] | undefined
}

const protocolNames: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '58': 'icmpv6',
  all: '-1',
}

/** The rules that a request names, one a peer. Throws InvalidParameterValue, InvalidPermission.Malformed, InvalidGroup.NotFound. */
export function readPermissions(
  store: Store,
  scope: Scope,
  group: SecurityGroupRecord,
  input: FlatPermission,
  isEgress: boolean,
): RuleDraft[] {
  const permissions = [...(input.IpPermissions ?? [])]
  if (input.IpProtocol !== undefined || input.CidrIp !== undefined || input.SourceSecurityGroupName !== undefined) {
    permissions.push({
      IpProtocol: input.IpProtocol ?? (input.SourceSecurityGroupName === undefined ? undefined : '-1'),
      FromPort: input.FromPort,
      ToPort: input.ToPort,
      ...(input.CidrIp === undefined ? {} : { IpRanges: [{ CidrIp: input.CidrIp }] }),
      ...(input.SourceSecurityGroupName === undefined
        ? {}
        : {
            UserIdGroupPairs: [
              {
                GroupName: input.SourceSecurityGroupName,
                ...(input.SourceSecurityGroupOwnerId === undefined ? {} : { UserId: input.SourceSecurityGroupOwnerId }),
              },
            ],
          }),
    })
  }
  const drafts = permissions.flatMap((permission) => readPermission(store, scope, group, permission, isEgress))
  if (drafts.length === 0) {
    throw new Ec2Error('MissingParameter', 'Either IpPermissions or a protocol with a source must be specified')
  }
  return drafts
}

function readPermission(
  store: Store,
  scope: Scope,
  group: SecurityGroupRecord,
  permission: IpPermission,
  isEgress: boolean,
): RuleDraft[] {
  const protocol = readProtocol(permission.IpProtocol)
  const base = { isEgress, protocol, ...readPorts(protocol, permission.FromPort, permission.ToPort) }
  return [
    ...(permission.IpRanges ?? []).map(({ CidrIp, Description }) => ({
      ...base,
      cidrIpv4: readCidr(CidrIp ?? '', 'ipv4'),
      ...readDescription(Description),
    })),
    ...(permission.Ipv6Ranges ?? []).map(({ CidrIpv6, Description }) => ({
      ...base,
      cidrIpv6: readCidr(CidrIpv6 ?? '', 'ipv6'),
      ...readDescription(Description),
    })),
    ...(permission.PrefixListIds ?? []).map(({ PrefixListId: id = '', Description }) => ({
      ...base,
      prefixListId: findOne('pl', id, () => store.prefixLists.get(scope, id)).id,
      ...readDescription(Description),
    })),
    ...(permission.UserIdGroupPairs ?? []).map((pair) => ({
      ...base,
      ...readPeer(store, scope, group, pair),
      ...readDescription(pair.Description),
    })),
  ]
}

/**
 * A group of the same VPC, by id or name, or by id one of a VPC of the same region that an active peering connection leads to; its owner
 * must be named when it is another account. What DescribeSecurityGroups tells of a pair may be handed back as it is.
 */
function readPeer(
  store: Store,
  scope: Scope,
  group: SecurityGroupRecord,
  pair: UserIdGroupPair,
): Pick<SecurityGroupRule, 'peerGroupId' | 'peering'> {
  if (!pair.GroupId && !pair.GroupName) throw missingParameter('UserIdGroupPairs.GroupId')
  const owner = { accountId: pair.UserId ?? scope.accountId, region: scope.region }
  const isForeign = owner.accountId !== scope.accountId
  if (!pair.GroupId) {
    const [named] = findGroupsByName(store, group.vpcId, isForeign ? [] : [pair.GroupName ?? ''])
    if (!named || pair.VpcPeeringConnectionId || (pair.VpcId ?? named.vpcId) !== named.vpcId) throw differentNetworks()
    return { peerGroupId: named.id }
  }
  // A rule that is stale can still be named, for taking it away.
  const known = group.rules.find(({ peerGroupId, peering }) => peering && peerGroupId === pair.GroupId)
  if (known?.peering && (pair.UserId ?? known.peering.accountId) === known.peering.accountId) {
    return { peerGroupId: pair.GroupId, peering: known.peering }
  }
  const peer = findOne('sg', pair.GroupId, (id) => findGroup(store, owner, group, id))
  if ((pair.VpcId ?? peer.vpcId) !== peer.vpcId) throw differentNetworks()
  if (peer.vpcId === group.vpcId && !pair.VpcPeeringConnectionId) return { peerGroupId: peer.id }
  const peering = activePeeringBetween(store, group.vpcId, peer.vpcId)
  if (!peering || (pair.VpcPeeringConnectionId ?? peering.id) !== peering.id) throw differentNetworks()
  return {
    peerGroupId: peer.id,
    peering: { connectionId: peering.id, vpcId: peer.vpcId, accountId: peer.accountId },
  }
}

/** Another account's group is there only for who is peered with its VPC. */
function findGroup(store: Store, owner: Scope, { accountId, vpcId }: SecurityGroupRecord, id: string) {
  const found = store.securityGroups.get(owner, id)
  const isSeen = found && (owner.accountId === accountId || activePeeringBetween(store, vpcId, found.vpcId))
  return isSeen ? found : undefined
}

function differentNetworks(): Ec2Error {
  return new Ec2Error('InvalidGroup.NotFound', 'You have specified two resources that belong to different networks.')
}

function readProtocol(value: string | undefined): string {
  if (!value) throw missingParameter('IpProtocol')
  const isNumber = /^\d{1,3}$/.test(value) && Number(value) <= 255
  // 06 is 6, which is tcp.
  const text = isNumber ? String(Number(value)) : value.toLowerCase()
  const protocol = protocolNames[text] ?? text
  if (['-1', 'tcp', 'udp', 'icmp', 'icmpv6'].includes(protocol) || isNumber) return protocol
  throw invalidParameterValue(
    'IpProtocol',
    value.slice(0, 40),
    'Expected tcp, udp, icmp, icmpv6, -1 or a protocol number.',
  )
}

function readPorts(
  protocol: string,
  from: number | undefined,
  to: number | undefined,
): { fromPort: number; toPort: number } {
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const type = from ?? -1
    const code = to ?? -1
    if (type < -1 || type > 255 || code < -1 || code > 255) throw invalidPorts('ICMP type and code are -1 or 0 to 255')
    if (type === -1 && code !== -1) throw invalidPorts('All ICMP types go with all codes: both are -1')
    return { fromPort: type, toPort: code }
  }
  if (protocol !== 'tcp' && protocol !== 'udp') return { fromPort: -1, toPort: -1 }
  if (from === undefined || to === undefined) throw invalidPorts('Must specify both from and to ports with TCP/UDP.')
  if (from === -1 && to === -1) return { fromPort: 0, toPort: 65_535 }
  if (from < 0 || to > 65_535 || from > to) throw invalidPorts(`Invalid TCP/UDP port range (${from}:${to})`)
  return { fromPort: from, toPort: to }
}

function invalidPorts(message: string): Ec2Error {
  return new Ec2Error('InvalidParameterValue', message)
}

/** A rule's description by EC2's rules. Throws InvalidParameterValue. */
export function readDescription(text: string | undefined): { description?: string } {
  if (text === undefined) return {}
  if (isGroupText(text)) return { description: text }
  throw new Ec2Error('InvalidParameterValue', `Invalid rule description. Valid descriptions are ${groupTextRule}.`)
}

/** Whether two rules allow the same to the same peer. */
export function isSameRule(a: RuleDraft, b: RuleDraft): boolean {
  return (
    a.isEgress === b.isEgress &&
    a.protocol === b.protocol &&
    a.fromPort === b.fromPort &&
    a.toPort === b.toPort &&
    a.cidrIpv4 === b.cidrIpv4 &&
    a.cidrIpv6 === b.cidrIpv6 &&
    a.prefixListId === b.prefixListId &&
    a.peerGroupId === b.peerGroupId
  )
}

/** EC2's error for a rule that the group has already. */
export function duplicatePermission(rule: RuleDraft): Ec2Error {
  const peer = rule.cidrIpv4 ?? rule.cidrIpv6 ?? rule.prefixListId ?? rule.peerGroupId
  return new Ec2Error(
    'InvalidPermission.Duplicate',
    `the specified rule "peer: ${peer}, ${rule.protocol}, from port: ${rule.fromPort}, to port: ${rule.toPort}, ALLOW" already exists`,
  )
}

/** EC2's error for a rule that the group does not have. */
export function permissionNotFound(): Ec2Error {
  return new Ec2Error('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.')
}
