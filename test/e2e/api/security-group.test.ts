import type { IpPermission } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'

let api: ApiLab
let vpcId: string

beforeAll(async () => {
  api = await openApiLab()
  const { Vpcs: vpcs } = await api.lab.call('DescribeVpcs', {})
  vpcId = vpcs?.[0]?.VpcId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function createGroup(GroupName: string): Promise<string> {
  return (await api.lab.call('CreateSecurityGroup', { GroupName, Description: `about ${GroupName}` })).GroupId ?? ''
}

async function authorize(GroupId: string, ...IpPermissions: IpPermission[]): Promise<string[]> {
  const { SecurityGroupRules: rules } = await api.lab.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions })
  return (rules ?? []).map(({ SecurityGroupRuleId: id = '' }) => id)
}

async function describeRule(id: string) {
  const { SecurityGroupRules: rules } = await api.lab.call('DescribeSecurityGroupRules', { SecurityGroupRuleIds: [id] })
  return rules?.[0]
}

async function createList(name: string, MaxEntries: number, ...cidrs: string[]): Promise<string> {
  const { PrefixList: list } = await api.lab.call('CreateManagedPrefixList', {
    PrefixListName: name,
    AddressFamily: 'IPv4',
    MaxEntries,
    Entries: cidrs.map((Cidr) => ({ Cidr, Description: `net ${Cidr}` })),
  })
  return list?.PrefixListId ?? ''
}

const port = (number: number, peer: Partial<IpPermission>): IpPermission => ({
  IpProtocol: 'tcp',
  FromPort: number,
  ToPort: number,
  ...peer,
})

describe('security groups', () => {
  test('are found by what their rules say, of either direction', async () => {
    const peer = await createGroup('filter peer')
    const listId = await createList('filter list', 2, '10.9.0.0/16')
    const id = await createGroup('filter me')
    const IpPermissions: IpPermission[] = [
      port(4001, { IpRanges: [{ CidrIp: '203.0.113.0/24' }] }),
      port(4002, { Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }] }),
      port(4003, { UserIdGroupPairs: [{ GroupId: peer }] }),
      port(4004, { PrefixListIds: [{ PrefixListId: listId, Description: 'by list' }] }),
      { IpProtocol: '50', IpRanges: [{ CidrIp: '203.0.113.9/32' }] },
    ]
    await authorize(id, ...IpPermissions)
    await api.lab.call('AuthorizeSecurityGroupEgress', { GroupId: id, IpPermissions })
    const find = async (name: string, value: string) => {
      const { SecurityGroups: groups } = await api.lab.call('DescribeSecurityGroups', {
        Filters: [{ Name: name, Values: [value] }],
      })
      return groups?.map((group) => group.GroupId)
    }
    for (const [name, value] of [
      ['cidr', '203.0.113.0/24'],
      ['from-port', '4002'],
      ['to-port', '4002'],
      ['group-id', peer],
      ['group-name', 'filter p*'],
      ['ipv6-cidr', '2001:db8::/32'],
      ['prefix-list-id', listId],
      ['protocol', '50'],
    ] as const) {
      expect([name, await find(`ip-permission.${name}`, value)]).toEqual([name, [id]])
      expect([name, await find(`egress.ip-permission.${name}`, value)]).toEqual([name, [id]])
    }
    expect(await find('egress.ip-permission.user-id', '*')).toEqual([id])
    expect(await find('ip-permission.user-id', '123456789012')).toContain(id)
    expect(await find('description', 'about filter ?e')).toEqual([id])
    const { SecurityGroups: told } = await api.lab.call('DescribeSecurityGroups', { GroupIds: [id] })
    expect(told?.[0]?.IpPermissions).toContainEqual({
      ...port(4004, { PrefixListIds: [{ PrefixListId: listId, Description: 'by list' }] }),
      IpRanges: [],
      Ipv6Ranges: [],
      UserIdGroupPairs: [],
    })
    const usable = await api.lab.call('GetSecurityGroupsForVpc', {
      VpcId: vpcId,
      Filters: [
        { Name: 'group-name', Values: ['filter me'] },
        { Name: 'primary-vpc-id', Values: [vpcId] },
      ],
    })
    expect(usable.SecurityGroupForVpcs).toMatchObject([{ GroupId: id, PrimaryVpcId: vpcId, Tags: [] }])
  })

  test('a protocol number means the protocol, and all ICMP types go with all codes', async () => {
    const id = await createGroup('protocols')
    const ranges = { IpRanges: [{ CidrIp: '10.0.0.0/8' }] }
    const [ruleId = ''] = await authorize(id, { ...port(22, ranges), IpProtocol: '06' })
    expect(await describeRule(ruleId)).toMatchObject({ IpProtocol: 'tcp', FromPort: 22, ToPort: 22 })
    const refused = async (permission: object) =>
      (
        await refusalOfSdk(api, 'AuthorizeSecurityGroupIngress', {
          GroupId: id,
          IpPermissions: [{ ...ranges, ...permission }],
        })
      )?.code
    expect(await refused({ IpProtocol: '6' })).toBe('InvalidParameterValue')
    expect(await refused({ IpProtocol: 'icmp', FromPort: -1, ToPort: 5 })).toBe('InvalidParameterValue')
    expect(await refused({ FromPort: 22, ToPort: 22 })).toBe('MissingParameter')
  })

  test('rules are found by group, id and tag', async () => {
    const id = await createGroup('tagged rule')
    const { SecurityGroupRules: made } = await api.lab.call('AuthorizeSecurityGroupIngress', {
      GroupId: id,
      IpPermissions: [port(1, { IpRanges: [{ CidrIp: '10.0.0.0/8' }] })],
      TagSpecifications: [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'Name', Value: 'mine' }] }],
    })
    const ruleId = made?.[0]?.SecurityGroupRuleId ?? ''
    const find = async (Name: string, value: string) =>
      (
        await api.lab.call('DescribeSecurityGroupRules', { Filters: [{ Name, Values: [value] }] })
      ).SecurityGroupRules?.map((rule) => rule.SecurityGroupRuleId)
    expect(await find('tag:Name', 'mine')).toEqual([ruleId])
    expect(await find('security-group-rule-id', ruleId)).toEqual([ruleId])
    expect(await find('group-id', id)).toHaveLength(2)
  })

  test('a rule is modified in place: it keeps its id, its direction and the kind of its peer', async () => {
    const id = await createGroup('modified')
    const [first = '', second = ''] = await authorize(
      id,
      port(80, { IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'old' }, { CidrIp: '10.2.0.0/16' }] }),
    )
    const modify = (SecurityGroupRuleId: string, SecurityGroupRule: object) => ({
      GroupId: id,
      SecurityGroupRules: [{ SecurityGroupRuleId, SecurityGroupRule }],
    })
    const wanted = { IpProtocol: 'udp', FromPort: 53, ToPort: 53, CidrIpv4: '192.168.1.9/16', Description: 'new' }
    await api.lab.call('ModifySecurityGroupRules', modify(first, wanted))
    expect(await describeRule(first)).toMatchObject({ ...wanted, CidrIpv4: '192.168.0.0/16', IsEgress: false })
    expect(await refusalOfSdk(api, 'ModifySecurityGroupRules', modify(second, wanted))).toMatchObject({
      code: 'InvalidPermission.Duplicate',
    })
    const byIpv6 = { IpProtocol: 'udp', FromPort: 53, ToPort: 53, CidrIpv6: '::/0' }
    expect(await refusalOfSdk(api, 'ModifySecurityGroupRules', modify(first, byIpv6))).toMatchObject({
      code: 'InvalidParameterValue',
    })
    expect(
      await refusalOfSdk(api, 'ModifySecurityGroupRules', modify(first, { ...wanted, CidrIpv6: '::/0' })),
    ).toMatchObject({ code: 'InvalidParameterCombination' })
    expect(await refusalOfSdk(api, 'ModifySecurityGroupRules', modify('sgr-0123456789abcdef0', wanted))).toMatchObject({
      code: 'InvalidSecurityGroupRuleId.NotFound',
    })
    expect(await describeRule(first)).toMatchObject({ IpProtocol: 'udp', Description: 'new' })
  })

  test("a rule's description is changed and taken away, by its id and by what it allows", async () => {
    const id = await createGroup('described')
    const range = { CidrIp: '10.0.0.0/8' }
    const [ruleId = ''] = await authorize(id, port(80, { IpRanges: [{ ...range, Description: 'one' }] }))
    const update = async (input: object) => {
      expect(await api.lab.call('UpdateSecurityGroupRuleDescriptionsIngress', { GroupId: id, ...input })).toEqual({
        Return: true,
      })
      return (await describeRule(ruleId))?.Description
    }
    const named = [{ SecurityGroupRuleId: ruleId, Description: 'two' }]
    expect(await update({ SecurityGroupRuleDescriptions: named })).toBe('two')
    expect(await update({ IpPermissions: [port(80, { IpRanges: [{ ...range, Description: 'three' }] })] })).toBe(
      'three',
    )
    expect(await update({ IpPermissions: [port(80, { IpRanges: [range] })] })).toBe(undefined)
    const egress = { GroupId: id, SecurityGroupRuleDescriptions: named }
    expect(await refusalOfSdk(api, 'UpdateSecurityGroupRuleDescriptionsEgress', egress)).toMatchObject({
      code: 'InvalidSecurityGroupRuleId.NotFound',
    })
    const absent = { GroupId: id, IpPermissions: [port(81, { IpRanges: [range] })] }
    expect(await refusalOfSdk(api, 'UpdateSecurityGroupRuleDescriptionsIngress', absent)).toMatchObject({
      code: 'InvalidPermission.NotFound',
    })
  })

  test('are named by no other VPC, and none is stale', async () => {
    const id = await createGroup('alone')
    const references = await api.lab.call('DescribeSecurityGroupReferences', { GroupId: [id] })
    expect(references).toEqual({ SecurityGroupReferenceSet: [] })
    expect(await api.lab.call('DescribeStaleSecurityGroups', { VpcId: vpcId })).toEqual({ StaleSecurityGroupSet: [] })
    const missing = { GroupId: ['sg-0123456789abcdef0'] }
    expect(await refusalOfSdk(api, 'DescribeSecurityGroupReferences', missing)).toMatchObject({
      code: 'InvalidGroup.NotFound',
    })
    const noVpc = { VpcId: 'vpc-0123456789abcdef0' }
    expect(await refusalOfSdk(api, 'DescribeStaleSecurityGroups', noVpc)).toMatchObject({
      code: 'InvalidVpcID.NotFound',
    })
  })
})

describe('managed prefix lists', () => {
  test('have versions, each with its entries, and change only from the version that the client knows', async () => {
    const id = await createList('versions', 3, '10.1.2.3/16', '10.2.0.0/16')
    const entries = async (TargetVersion?: number) =>
      (await api.lab.call('GetManagedPrefixListEntries', { PrefixListId: id, TargetVersion })).Entries
    expect(await entries()).toEqual([
      { Cidr: '10.1.0.0/16', Description: 'net 10.1.2.3/16' },
      { Cidr: '10.2.0.0/16', Description: 'net 10.2.0.0/16' },
    ])
    const change = {
      PrefixListId: id,
      CurrentVersion: 1,
      AddEntries: [{ Cidr: '10.3.0.0/16' }],
      RemoveEntries: [{ Cidr: '10.1.0.0/16' }],
    }
    const { PrefixList: changed } = await api.lab.call('ModifyManagedPrefixList', change)
    expect(changed).toMatchObject({ Version: 2, State: 'modify-complete', MaxEntries: 3, AddressFamily: 'IPv4' })
    expect(await entries()).toEqual([{ Cidr: '10.2.0.0/16', Description: 'net 10.2.0.0/16' }, { Cidr: '10.3.0.0/16' }])
    expect((await entries(1))?.map(({ Cidr }) => Cidr)).toEqual(['10.1.0.0/16', '10.2.0.0/16'])
    expect(await refusalOfSdk(api, 'ModifyManagedPrefixList', change)).toEqual({
      code: 'PrefixListVersionMismatch',
      message: 'The prefix list has the incorrect version number',
    })
    await api.lab.call('ModifyManagedPrefixList', { PrefixListId: id, PrefixListName: 'renamed', MaxEntries: 4 })
    const { PrefixLists: found } = await api.lab.call('DescribeManagedPrefixLists', {
      Filters: [{ Name: 'prefix-list-name', Values: ['renam*'] }],
    })
    expect(found).toMatchObject([{ PrefixListId: id, Version: 2, MaxEntries: 4, OwnerId: '123456789012' }])
    expect(await api.lab.call('DescribePrefixLists', {})).toEqual({ PrefixLists: [] })
    await api.lab.call('DeleteManagedPrefixList', { PrefixListId: id })
    expect(await refusalOfSdk(api, 'GetManagedPrefixListEntries', { PrefixListId: id })).toMatchObject({
      code: 'InvalidPrefixListID.NotFound',
    })
  })

  test('count in a group for as many rules as they may have entries, and stay while a rule names them', async () => {
    const listId = await createList('counted', 40, '10.1.0.0/16')
    const id = await createGroup('full')
    await authorize(id, port(80, { PrefixListIds: [{ PrefixListId: listId }] }))
    const again = { GroupId: id, IpPermissions: [port(81, { PrefixListIds: [{ PrefixListId: listId }] })] }
    const full = { code: 'RulesPerSecurityGroupLimitExceeded' }
    expect(await refusalOfSdk(api, 'AuthorizeSecurityGroupIngress', again)).toMatchObject(full)
    expect(await refusalOfSdk(api, 'ModifyManagedPrefixList', { PrefixListId: listId, MaxEntries: 61 })).toMatchObject(
      full,
    )
    expect(await refusalOfSdk(api, 'DeleteManagedPrefixList', { PrefixListId: listId })).toEqual({
      code: 'DependencyViolation',
      message: `The prefix list '${listId}' is used by a rule of ${id}`,
    })
    await api.lab.call('DeleteSecurityGroup', { GroupId: id })
    await api.lab.call('DeleteManagedPrefixList', { PrefixListId: listId })
  })

  test.each<[string, object, string]>([
    ['a family that is none', { AddressFamily: 'ipv4' }, 'InvalidParameterValue'],
    ['no room', { MaxEntries: 0 }, 'InvalidParameterValue'],
    ['more room than there is', { MaxEntries: 1001 }, 'InvalidParameterValue'],
    [
      'more entries than room',
      { Entries: ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'] },
      'PrefixListMaxEntriesExceeded',
    ],
    ['an entry of another family', { Entries: ['2001:db8::/32'] }, 'InvalidParameterValue'],
    ['one entry twice', { Entries: ['10.1.0.0/16', '10.1.2.0/16'] }, 'InvalidParameterValue'],
    ['a name of AWS', { PrefixListName: 'com.amazonaws.us-east-1.s3' }, 'InvalidParameterValue'],
  ])('are not made with %s', async (_what, changes: { Entries?: string[] }, code) => {
    const input = {
      PrefixListName: 'bad',
      AddressFamily: 'IPv4',
      MaxEntries: 2,
      ...changes,
      Entries: (changes.Entries ?? []).map((Cidr) => ({ Cidr })),
    }
    expect(await refusalOfSdk(api, 'CreateManagedPrefixList', input)).toMatchObject({ code })
  })

  test('do not lose an entry that they do not have, nor gain one twice', async () => {
    const id = await createList('careful', 3, '10.1.0.0/16')
    for (const change of [{ AddEntries: [{ Cidr: '10.1.0.0/16' }] }, { RemoveEntries: [{ Cidr: '10.7.0.0/16' }] }]) {
      const input = { PrefixListId: id, CurrentVersion: 1, ...change }
      expect(await refusalOfSdk(api, 'ModifyManagedPrefixList', input)).toMatchObject({ code: 'InvalidRequest' })
    }
    const both = { PrefixListId: id, CurrentVersion: 1, MaxEntries: 5, AddEntries: [{ Cidr: '10.5.0.0/16' }] }
    expect(await refusalOfSdk(api, 'ModifyManagedPrefixList', both)).toMatchObject({
      code: 'InvalidParameterCombination',
    })
  })
})
