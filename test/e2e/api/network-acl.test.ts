import type { CreateNetworkAclEntryRequest } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'

let api: ApiLab
let vpcId: string

beforeAll(async () => {
  api = await openApiLab('quotas:\n  entriesPerNetworkAcl: 4\n  networkAclsPerVpc: 3\n')
  const { Vpcs: vpcs } = await api.lab.call('DescribeVpcs', {})
  vpcId = vpcs?.[0]?.VpcId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function describeAcls(...filters: [Name: string, value: string][]) {
  const Filters = filters.map(([Name, value]) => ({ Name, Values: [value] }))
  return (await api.lab.call('DescribeNetworkAcls', { Filters })).NetworkAcls ?? []
}

async function describeDefault() {
  const [acl] = await describeAcls(['default', 'true'], ['vpc-id', vpcId])
  if (!acl) throw new Error('no default network ACL')
  return acl
}

async function createAcl(): Promise<string> {
  return (await api.lab.call('CreateNetworkAcl', { VpcId: vpcId })).NetworkAcl?.NetworkAclId ?? ''
}

async function describeAcl(id: string) {
  return (await api.lab.call('DescribeNetworkAcls', { NetworkAclIds: [id] })).NetworkAcls?.[0]
}

const last = (Egress: boolean) => ({
  RuleNumber: 32_767,
  Egress,
  Protocol: '-1',
  RuleAction: 'deny',
  CidrBlock: '0.0.0.0/0',
})

test('every VPC has a network ACL that lets all pass, and every subnet of it has that one', async () => {
  const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {})
  const acl = await describeDefault()
  const all = { RuleNumber: 100, Protocol: '-1', RuleAction: 'allow', CidrBlock: '0.0.0.0/0' }
  expect(acl.Entries).toEqual([{ ...all, Egress: true }, last(true), { ...all, Egress: false }, last(false)])
  expect(acl.Associations?.map(({ SubnetId: id }) => id)).toEqual(subnets?.map(({ SubnetId: id }) => id))
  expect(await refusalOfSdk(api, 'DeleteNetworkAcl', { NetworkAclId: acl.NetworkAclId })).toEqual({
    code: 'InvalidParameterValue',
    message: `cannot delete default network ACL ${acl.NetworkAclId}`,
  })
})

test('a subnet changes its network ACL by its association, which is another one then', async () => {
  const { NetworkAcl: made, ClientToken: token } = await api.lab.call('CreateNetworkAcl', {
    VpcId: vpcId,
    ClientToken: 'one',
    TagSpecifications: [{ ResourceType: 'network-acl', Tags: [{ Key: 'Name', Value: 'strict' }] }],
  })
  expect([made?.Entries, made?.IsDefault, token]).toEqual([[last(true), last(false)], false, 'one'])
  const id = made?.NetworkAclId ?? ''
  const held = (await describeDefault()).Associations?.[0]
  const replaced = { AssociationId: held?.NetworkAclAssociationId, NetworkAclId: id }
  const { NewAssociationId: association } = await api.lab.call('ReplaceNetworkAclAssociation', replaced)
  expect(association).not.toBe(held?.NetworkAclAssociationId)
  for (const [name, value] of [
    ['association.association-id', association ?? ''],
    ['association.network-acl-id', id],
    ['association.subnet-id', held?.SubnetId ?? ''],
    ['tag:Name', 'strict'],
    ['network-acl-id', id],
  ] as const) {
    const found = await describeAcls([name, value])
    expect([name, found.map(({ NetworkAclId: found }) => found)]).toEqual([name, [id]])
  }
  expect((await describeDefault()).Associations).toHaveLength(2)
  expect(await refusalOfSdk(api, 'ReplaceNetworkAclAssociation', replaced)).toMatchObject({
    code: 'InvalidAssociationID.NotFound',
  })
  expect(await refusalOfSdk(api, 'DeleteNetworkAcl', { NetworkAclId: id })).toEqual({
    code: 'DependencyViolation',
    message: `The networkAcl '${id}' has dependencies and cannot be deleted.`,
  })
  const { NetworkAclId: defaultId } = await describeDefault()
  await api.lab.call('ReplaceNetworkAclAssociation', { AssociationId: association, NetworkAclId: defaultId })
  await api.lab.call('DeleteNetworkAcl', { NetworkAclId: id })
  expect((await describeDefault()).Associations).toHaveLength(3)
  expect(await refusalOfSdk(api, 'DescribeNetworkAcls', { NetworkAclIds: [id] })).toEqual({
    code: 'InvalidNetworkAclID.NotFound',
    message: `The networkAcl ID '${id}' does not exist`,
  })
})

test('entries are made, replaced and deleted by direction and number, and told in their order', async () => {
  const id = await createAcl()
  const entry = { NetworkAclId: id, Egress: false, RuleAction: 'allow' } as const
  await api.lab.call('CreateNetworkAclEntry', {
    ...entry,
    RuleNumber: 200,
    Protocol: 'tcp',
    PortRange: { From: 22, To: 23 },
    CidrBlock: '10.1.2.3/8',
  })
  await api.lab.call('CreateNetworkAclEntry', {
    ...entry,
    RuleNumber: 100,
    Protocol: '1',
    IcmpTypeCode: { Type: 8, Code: -1 },
    PortRange: { From: 0, To: 0 },
    CidrBlock: '0.0.0.0/0',
  })
  await api.lab.call('CreateNetworkAclEntry', {
    ...entry,
    Egress: true,
    RuleNumber: 200,
    Protocol: '-1',
    PortRange: { From: 0, To: 0 },
    Ipv6CidrBlock: '2001:DB8::/32',
  })
  const ssh = {
    RuleNumber: 200,
    Egress: false,
    Protocol: '6',
    PortRange: { From: 22, To: 23 },
    CidrBlock: '10.0.0.0/8',
  }
  const ping = { RuleNumber: 100, Egress: false, Protocol: '1', IcmpTypeCode: { Type: 8, Code: -1 } }
  expect((await describeAcl(id))?.Entries).toEqual([
    { RuleNumber: 200, Egress: true, Protocol: '-1', RuleAction: 'allow', Ipv6CidrBlock: '2001:db8::/32' },
    last(true),
    { ...ping, RuleAction: 'allow', CidrBlock: '0.0.0.0/0' },
    { ...ssh, RuleAction: 'allow' },
    last(false),
  ])
  for (const [name, value] of [
    ['entry.cidr', '10.0.0.0/8'],
    ['entry.icmp.code', '-1'],
    ['entry.icmp.type', '8'],
    ['entry.ipv6-cidr', '2001:db8*'],
    ['entry.port-range.from', '22'],
    ['entry.port-range.to', '23'],
    ['entry.protocol', 'tcp'],
    ['entry.protocol', '1'],
    ['entry.rule-number', '200'],
  ] as const) {
    const found = await describeAcls([name, value])
    expect([name, found.map(({ NetworkAclId: found }) => found)]).toEqual([name, [id]])
  }
  expect(await describeAcls(['entry.rule-action', 'allow'], ['entry.egress', 'true'])).toHaveLength(2)
  const { Egress, RuleNumber } = ssh
  const other = { NetworkAclId: id, Egress, RuleNumber, Protocol: '17', RuleAction: 'deny' } as const
  const udp = { ...other, PortRange: { From: 53, To: 53 }, CidrBlock: '0.0.0.0/0' }
  expect(await refusalOfSdk(api, 'CreateNetworkAclEntry', udp)).toEqual({
    code: 'NetworkAclEntryAlreadyExists',
    message: 'The network acl entry identified by 200 already exists.',
  })
  await api.lab.call('ReplaceNetworkAclEntry', udp)
  expect((await describeAcl(id))?.Entries).toContainEqual({
    Egress,
    RuleNumber,
    Protocol: '17',
    RuleAction: 'deny',
    PortRange: { From: 53, To: 53 },
    CidrBlock: '0.0.0.0/0',
  })
  await api.lab.call('DeleteNetworkAclEntry', { NetworkAclId: id, Egress, RuleNumber })
  for (const name of ['DeleteNetworkAclEntry', 'ReplaceNetworkAclEntry']) {
    const input = name === 'ReplaceNetworkAclEntry' ? udp : { NetworkAclId: id, Egress, RuleNumber }
    expect(await refusalOfSdk(api, name, input)).toMatchObject({ code: 'InvalidNetworkAclEntry.NotFound' })
  }
  await api.lab.call('DeleteNetworkAcl', { NetworkAclId: id })
})

test('a VPC has as many network ACLs, and each as many entries of a direction, as the quotas say', async () => {
  const id = await createAcl()
  const entry = { NetworkAclId: id, Protocol: '-1', RuleAction: 'deny', CidrBlock: '10.0.0.0/8' } as const
  for (const RuleNumber of [1, 2, 3]) {
    await api.lab.call('CreateNetworkAclEntry', { ...entry, Egress: true, RuleNumber })
  }
  expect(await refusalOfSdk(api, 'CreateNetworkAclEntry', { ...entry, Egress: true, RuleNumber: 4 })).toMatchObject({
    code: 'NetworkAclEntryLimitExceeded',
  })
  await api.lab.call('CreateNetworkAclEntry', { ...entry, Egress: false, RuleNumber: 1 })
  const another = await createAcl()
  expect(await refusalOfSdk(api, 'CreateNetworkAcl', { VpcId: vpcId })).toMatchObject({
    code: 'NetworkAclLimitExceeded',
  })
  for (const NetworkAclId of [id, another]) await api.lab.call('DeleteNetworkAcl', { NetworkAclId })
})

test.each<[string, Partial<CreateNetworkAclEntryRequest>, string]>([
  ['the number of the last one', { RuleNumber: 32_767 }, 'InvalidParameterValue'],
  ['the number 0', { RuleNumber: 0 }, 'InvalidParameterValue'],
  ['a protocol that is none', { Protocol: 'ftp' }, 'InvalidParameterValue'],
  ['the protocol 256', { Protocol: '256' }, 'InvalidParameterValue'],
  ['TCP and no ports', { Protocol: '6' }, 'MissingParameter'],
  ['ports in the wrong order', { Protocol: '6', PortRange: { From: 2, To: 1 } }, 'InvalidParameterValue'],
  ['ICMP and no type', { Protocol: '1' }, 'MissingParameter'],
  ['an ICMP type that is none', { Protocol: '1', IcmpTypeCode: { Type: 256, Code: 0 } }, 'InvalidParameterValue'],
  ['no block', { CidrBlock: '' }, 'MissingParameter'],
  ['two blocks', { Ipv6CidrBlock: '::/0' }, 'InvalidParameterCombination'],
  ['a block that is none', { CidrBlock: '10.0.0.0/33' }, 'InvalidParameterValue'],
])('an entry is not made with %s', async (_what, changes, code) => {
  const { NetworkAclId } = await describeDefault()
  const input = {
    NetworkAclId,
    RuleNumber: 7,
    Protocol: '-1',
    RuleAction: 'allow',
    Egress: true,
    CidrBlock: '0.0.0.0/0',
  }
  expect(await refusalOfSdk(api, 'CreateNetworkAclEntry', { ...input, ...changes })).toMatchObject({ code })
})
