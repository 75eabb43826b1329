import type { IpPermission, SecurityGroup } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds } from '../page.ts'
import type { Scope, Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { describePeerGroup } from './describe-peer.ts'
import type { SecurityGroupRecord, SecurityGroupRule } from './security-group.ts'

export function describeSecurityGroups({ store }: Domain): Ec2Query<'DescribeSecurityGroups'> {
  const rulesOf = (isEgress: boolean) => (group: SecurityGroupRecord) =>
    group.rules.filter((rule) => rule.isEgress === isEgress)
  const permissionFilters = (prefix: string, isEgress: boolean) => {
    const rules = rulesOf(isEgress)
    return {
      [`${prefix}.cidr`]: (group: SecurityGroupRecord) => rules(group).map(({ cidrIpv4 }) => cidrIpv4),
      [`${prefix}.from-port`]: (group: SecurityGroupRecord) => rules(group).map(({ fromPort }) => fromPort),
      [`${prefix}.group-id`]: (group: SecurityGroupRecord) => rules(group).map(({ peerGroupId }) => peerGroupId),
      [`${prefix}.group-name`]: (group: SecurityGroupRecord) =>
        rules(group).map(({ peerGroupId }) => peerGroupId && store.securityGroups.find(peerGroupId)?.name),
      [`${prefix}.ipv6-cidr`]: (group: SecurityGroupRecord) => rules(group).map(({ cidrIpv6 }) => cidrIpv6),
      [`${prefix}.prefix-list-id`]: (group: SecurityGroupRecord) =>
        rules(group).map(({ prefixListId }) => prefixListId),
      [`${prefix}.protocol`]: (group: SecurityGroupRecord) => rules(group).map(({ protocol }) => protocol),
      [`${prefix}.to-port`]: (group: SecurityGroupRecord) => rules(group).map(({ toPort }) => toPort),
      [`${prefix}.user-id`]: (group: SecurityGroupRecord) =>
        rules(group).map(({ peerGroupId, peering }) => peerGroupId && (peering?.accountId ?? group.accountId)),
    }
  }
  const source: DescribeSource<SecurityGroupRecord> = {
    collection: store.securityGroups,
    prefix: 'sg',
    idParameter: 'groupIds',
    filters: defineFilters(
      {
        description: ({ description }) => description,
        'group-id': { read: ({ id }) => id, index: 'id' },
        'group-name': { read: ({ name }) => name, index: 'name' },
        'owner-id': ({ accountId }) => accountId,
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
        ...permissionFilters('ip-permission', false),
        ...permissionFilters('egress.ip-permission', true),
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['GroupIds', 'GroupNames', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const names = input.GroupNames ?? []
      refusePagingWithIds('groupNames', names, input)
      const named = new Set(findByNames(store, context, names).map(({ id }) => id))
      const page = selectRecords(source, context, {
        ...input,
        ids: input.GroupIds,
        where: ({ id }) => names.length === 0 || named.has(id),
      })
      return {
        SecurityGroups: page.records.map((group) => describeGroup(store, group)),
        ...page.token,
      }
    },
  }
}

/** Names are those of the default VPC's groups, as on EC2. */
function findByNames(store: Store, scope: Scope, names: readonly string[]): SecurityGroupRecord[] {
  return names.map((name) => {
    const groups = store.securityGroups.listBy('name', name)
    const found = groups.find(({ vpcId }) => store.vpcs.get(scope, vpcId)?.isDefault)
    if (!found) throw new Ec2Error('InvalidGroup.NotFound', `The security group '${name.slice(0, 255)}' does not exist`)
    return found
  })
}

function describeGroup(store: Store, group: SecurityGroupRecord): SecurityGroup {
  return {
    GroupId: group.id,
    GroupName: group.name,
    Description: group.description,
    OwnerId: group.accountId,
    VpcId: group.vpcId,
    SecurityGroupArn: `arn:aws:ec2:${group.region}:${group.accountId}:security-group/${group.id}`,
    IpPermissions: describePermissions(store, group, false),
    IpPermissionsEgress: describePermissions(store, group, true),
    Tags: describeTags(store.tags.of(group.id)),
  }
}

/** Rules of one protocol and port range are one permission, as EC2 groups them. */
export function describePermissions(
  store: Store,
  group: SecurityGroupRecord,
  isEgress: boolean,
  isTold: (rule: SecurityGroupRule) => boolean = () => true,
): IpPermission[] {
  const permissions = new Map<string, IpPermission>()
  for (const rule of group.rules) {
    if (rule.isEgress !== isEgress || !isTold(rule)) continue
    const key = `${rule.protocol}/${rule.fromPort}/${rule.toPort}`
    const permission = permissions.get(key) ?? {
      IpProtocol: rule.protocol,
      ...(rule.protocol === '-1' ? {} : { FromPort: rule.fromPort, ToPort: rule.toPort }),
      IpRanges: [],
      Ipv6Ranges: [],
      PrefixListIds: [],
      UserIdGroupPairs: [],
    }
    const description = rule.description === undefined ? {} : { Description: rule.description }
    if (rule.cidrIpv4) permission.IpRanges?.push({ CidrIp: rule.cidrIpv4, ...description })
    if (rule.cidrIpv6) permission.Ipv6Ranges?.push({ CidrIpv6: rule.cidrIpv6, ...description })
    if (rule.prefixListId) permission.PrefixListIds?.push({ PrefixListId: rule.prefixListId, ...description })
    if (rule.peerGroupId) {
      permission.UserIdGroupPairs?.push({ ...describePeerGroup(store, group, rule), ...description })
    }
    permissions.set(key, permission)
  }
  return [...permissions.values()]
}
