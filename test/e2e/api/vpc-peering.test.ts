import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PeeringRecord } from '../../../src/ec2/vpc-peering/vpc-peering.ts'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { changeRecords, codeOf, openOtherAccount } from './other-account.ts'
import { createVpc, tablesOf } from './vpc-lab.ts'

let api: ApiLab
/** Another account in the same region, and this one in another region. */
let other: sdk.EC2Client
let elsewhere: sdk.EC2Client
const otherAccount = '210987654321'
const quotas = 'quotas:\n  vpcs: 40\n  outstandingPeeringsPerVpc: 2\n  activePeeringsPerVpc: 2\n'

beforeAll(async () => {
  api = await openApiLab(quotas)
  const { accessKeyId, secretAccessKey } = api.key
  other = openOtherAccount(api, otherAccount)
  elsewhere = new sdk.EC2Client({
    region: 'eu-west-1',
    endpoint: api.endpointUrl,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  })
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function vpcOf(client: sdk.EC2Client, cidr: string): Promise<string> {
  return (await client.send(new sdk.CreateVpcCommand({ CidrBlock: cidr }))).Vpc?.VpcId ?? ''
}

async function request(vpcId: string, peerVpcId: string, more: Partial<sdk.CreateVpcPeeringConnectionRequest> = {}) {
  const { VpcPeeringConnection: made } = await api.client.send(
    new sdk.CreateVpcPeeringConnectionCommand({ VpcId: vpcId, PeerVpcId: peerVpcId, ...more }),
  )
  return made?.VpcPeeringConnectionId ?? ''
}

/** Two VPCs of this account and region, joined. */
async function join(first: string, second: string): Promise<{ vpcs: readonly [string, string]; id: string }> {
  const vpcs = [await createVpc(api, first), await createVpc(api, second)] as const
  const id = await request(...vpcs)
  await accept(api.client, id)
  return { vpcs, id }
}

async function accept(client: sdk.EC2Client, id: string) {
  return await client.send(new sdk.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }))
}

async function see(client: sdk.EC2Client, id: string): Promise<sdk.VpcPeeringConnection | undefined> {
  const { VpcPeeringConnections: found } = await client.send(
    new sdk.DescribeVpcPeeringConnectionsCommand({
      Filters: [{ Name: 'vpc-peering-connection-id', Values: [id] }],
    }),
  )
  return found?.[0]
}

async function stateOf(client: sdk.EC2Client, id: string): Promise<string | undefined> {
  return (await see(client, id))?.Status?.Code
}

/** Puts its creation or its end that many hours into the past. */
function age(id: string, hours: number): void {
  const earlier = (time: string) => new Date(Date.parse(time) - hours * 3_600_000).toISOString()
  changeRecords(api, ({ peerings }) => {
    const record = peerings.find(id) as PeeringRecord
    const { createdAt, endedAt } = record
    peerings.replace({ ...record, createdAt: earlier(createdAt), ...(endedAt ? { endedAt: earlier(endedAt) } : {}) })
  })
}

const refusal = async (name: string, input: object) => await refusalOfSdk(api, name, input)
const code = async (name: string, input: object) => (await refusal(name, input))?.code

describe('within an account', () => {
  test('a connection waits to be accepted, though both VPCs are the same account’s', async () => {
    const vpcs = [await createVpc(api, '10.1.0.0/16'), await createVpc(api, '10.2.0.0/16')] as const
    const { VpcPeeringConnection: made } = await api.client.send(
      new sdk.CreateVpcPeeringConnectionCommand({
        VpcId: vpcs[0],
        PeerVpcId: vpcs[1],
        TagSpecifications: [{ ResourceType: 'vpc-peering-connection', Tags: [{ Key: 'Name', Value: 'ours' }] }],
      }),
    )
    expect(made?.Status).toEqual({
      Code: 'initiating-request',
      Message: expect.stringMatching(/^Initiating Request to \d{12}$/) as string,
    })
    const id = made?.VpcPeeringConnectionId ?? ''
    const pending = await see(api.client, id)
    expect(pending?.Status?.Code).toBe('pending-acceptance')
    expect(pending?.AccepterVpcInfo?.CidrBlock).toBeUndefined()
    expect(pending?.ExpirationTime?.getTime()).toBeGreaterThan(Date.now() + 6 * 24 * 3_600_000)
    expect((await accept(api.client, id)).VpcPeeringConnection?.Status).toEqual({ Code: 'active', Message: 'Active' })
    expect(await see(api.client, id)).toMatchObject({
      RequesterVpcInfo: { VpcId: vpcs[0], CidrBlock: '10.1.0.0/16', Region: 'us-east-1' },
      AccepterVpcInfo: { VpcId: vpcs[1], CidrBlockSet: [{ CidrBlock: '10.2.0.0/16' }] },
      Tags: [{ Key: 'Name', Value: 'ours' }],
    })
    expect(await refusal('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })).toEqual({
      code: 'InvalidStateTransition',
      message: `Invalid state transition for ${id}, attempted to transition from active to active`,
    })
  })

  test('is refused twice, with itself, and with what is not there; overlapping blocks fail', async () => {
    const { vpcs, id } = await join('10.3.0.0/16', '10.4.0.0/16')
    expect(await code('CreateVpcPeeringConnection', { VpcId: vpcs[1], PeerVpcId: vpcs[0] })).toBe(
      'VpcPeeringConnectionAlreadyExists',
    )
    expect(await code('CreateVpcPeeringConnection', { VpcId: vpcs[0], PeerVpcId: vpcs[0] })).toBe(
      'InvalidParameterValue',
    )
    const phantom = 'vpc-0123456789abcdef0'
    expect(await code('CreateVpcPeeringConnection', { VpcId: vpcs[0], PeerVpcId: phantom })).toBe(
      'InvalidVpcID.NotFound',
    )
    expect(await code('CreateVpcPeeringConnection', { VpcId: vpcs[0] })).toBe('MissingParameter')
    expect(await code('DescribeVpcPeeringConnections', { VpcPeeringConnectionIds: ['pcx-0123456789abcdef0'] })).toBe(
      'InvalidVpcPeeringConnectionID.NotFound',
    )
    const overlapping = await createVpc(api, '10.3.128.0/20')
    const failed = await request(vpcs[0], overlapping)
    expect((await see(api.client, failed))?.Status).toEqual({
      Code: 'failed',
      Message: 'Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range',
    })
    expect(await code('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: failed })).toBe('InvalidStateTransition')
    age(failed, 3)
    expect(await see(api.client, failed)).toBeUndefined()
    // A block that came after the connection.
    expect(await code('AssociateVpcCidrBlock', { VpcId: vpcs[0], CidrBlock: '10.4.0.0/20' })).toBe('CidrConflict')
    await api.lab.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })
    expect(await code('AssociateVpcCidrBlock', { VpcId: vpcs[0], CidrBlock: '10.4.0.0/20' })).toBeUndefined()
    const late = await request(vpcs[0], vpcs[1])
    expect(await stateOf(api.client, late)).toBe('failed')
  })

  test('expires unanswered after a week, ends by rejection and deletion, and is shown for its time', async () => {
    const vpcs = [await createVpc(api, '10.5.0.0/16'), await createVpc(api, '10.6.0.0/16')] as const
    const forgotten = await request(...vpcs)
    age(forgotten, 7 * 24 + 1)
    expect(await stateOf(api.client, forgotten)).toBe('expired')
    expect(await code('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: forgotten })).toBe(
      'InvalidStateTransition',
    )
    const rejected = await request(...vpcs)
    await api.lab.call('RejectVpcPeeringConnection', { VpcPeeringConnectionId: rejected })
    expect(await stateOf(api.client, rejected)).toBe('rejected')
    const withdrawn = await request(...vpcs)
    await api.lab.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: withdrawn })
    expect(await stateOf(api.client, withdrawn)).toBe('deleted')
    const RouteTableId = (await tablesOf(api, vpcs[0]))[0]?.RouteTableId
    for (const id of [forgotten, rejected, withdrawn]) {
      const route = { RouteTableId, DestinationCidrBlock: '10.6.0.0/16', VpcPeeringConnectionId: id }
      expect(await code('CreateRoute', route)).toBe('InvalidParameterValue')
    }
    for (const id of [rejected, withdrawn]) age(id, 3)
    age(forgotten, 47)
    expect(await Promise.all([rejected, withdrawn, forgotten].map((id) => see(api.client, id)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('filters by each side, its state and its tags', async () => {
    const { vpcs, id } = await join('10.7.0.0/16', '10.8.0.0/16')
    await api.lab.call('CreateTags', { Resources: [id], Tags: [{ Key: 'lab', Value: 'peering' }] })
    const find = async (name: string, value: string) => {
      const Filters = [{ Name: name, Values: [value] }]
      const { VpcPeeringConnections: found } = await api.lab.call('DescribeVpcPeeringConnections', { Filters })
      return found?.map((found) => found.VpcPeeringConnectionId)
    }
    for (const [name, value] of [
      ['requester-vpc-info.vpc-id', vpcs[0]],
      ['requester-vpc-info.cidr-block', '10.7.0.0/16'],
      ['accepter-vpc-info.vpc-id', vpcs[1]],
      ['accepter-vpc-info.cidr-block', '10.8.0.0/16'],
      ['tag:lab', 'peering'],
    ] as const)
      expect([name, await find(name, value)]).toEqual([name, [id]])
    expect(await find('status-code', 'active')).toContain(id)
    expect(await find('status-message', 'Active')).toContain(id)
    expect(await find('accepter-vpc-info.vpc-id', vpcs[0])).toEqual([])
  })

  test('keeps its VPCs from being deleted, but a request of others does not', async () => {
    const { vpcs, id } = await join('10.9.0.0/16', '10.10.0.0/16')
    for (const VpcId of vpcs) expect(await code('DeleteVpc', { VpcId })).toBe('DependencyViolation')
    await api.lab.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })
    const again = await request(...vpcs)
    expect(await code('DeleteVpc', { VpcId: vpcs[0] })).toBe('DependencyViolation')
    await api.lab.call('DeleteVpc', { VpcId: vpcs[1] })
    expect(await stateOf(api.client, again)).toBe('failed')
    await api.lab.call('DeleteVpc', { VpcId: vpcs[0] })
  })

  test('is counted against the quotas', async () => {
    const hub = await createVpc(api, '10.11.0.0/16')
    const spokes = await Promise.all([12, 13, 14].map((number) => createVpc(api, `10.${number}.0.0/16`)))
    const ids = [await request(hub, spokes[0] ?? ''), await request(hub, spokes[1] ?? '')]
    expect(await code('CreateVpcPeeringConnection', { VpcId: hub, PeerVpcId: spokes[2] })).toBe(
      'OutstandingVpcPeeringConnectionLimitExceeded',
    )
    for (const id of ids) await accept(api.client, id)
    const third = await request(hub, spokes[2] ?? '')
    expect(await code('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: third })).toBe(
      'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
    )
  })

  test('lets either side’s names be resolved once both attributes of its VPC allow it', async () => {
    const { vpcs, id } = await join('10.15.0.0/16', '10.16.0.0/16')
    const allow = { AllowDnsResolutionFromRemoteVpc: true }
    const change = { VpcPeeringConnectionId: id, RequesterPeeringConnectionOptions: allow }
    expect(await code('ModifyVpcPeeringConnectionOptions', change)).toBe(
      'InvalidVpcPeeringConnectionState.DnsHostnamesDisabled',
    )
    await api.lab.call('ModifyVpcAttribute', { VpcId: vpcs[0], EnableDnsHostnames: { Value: true } })
    const { RequesterPeeringConnectionOptions: changed } = await api.lab.call(
      'ModifyVpcPeeringConnectionOptions',
      change,
    )
    expect(changed).toMatchObject(allow)
    const told = await see(api.client, id)
    expect(told?.RequesterVpcInfo?.PeeringOptions?.AllowDnsResolutionFromRemoteVpc).toBe(true)
    expect(told?.AccepterVpcInfo?.PeeringOptions?.AllowDnsResolutionFromRemoteVpc).toBe(false)
    const classic = { AllowEgressFromLocalVpcToRemoteClassicLink: true }
    expect(
      await code('ModifyVpcPeeringConnectionOptions', { ...change, AccepterPeeringConnectionOptions: classic }),
    ).toBe('UnsupportedOperation')
    await api.lab.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })
    expect(await code('ModifyVpcPeeringConnectionOptions', change)).toBe('OperationNotPermitted')
  })
})

test('another account accepts or rejects, has tags of its own, and forgets in its own time', async () => {
  const vpcId = await createVpc(api, '10.20.0.0/16')
  const theirs = await vpcOf(other, '10.21.0.0/16')
  const id = await request(vpcId, theirs, { PeerOwnerId: otherAccount })
  expect(await code('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })).toBe('OperationNotPermitted')
  expect(await codeOf(other.send(new sdk.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })))).toBe(
    'OperationNotPermitted',
  )
  await accept(other, id)
  await api.lab.call('CreateTags', { Resources: [id], Tags: [{ Key: 'Name', Value: 'ours' }] })
  await other.send(new sdk.CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Name', Value: 'theirs' }] }))
  expect((await see(api.client, id))?.Tags).toEqual([{ Key: 'Name', Value: 'ours' }])
  expect((await see(other, id))?.Tags).toEqual([{ Key: 'Name', Value: 'theirs' }])
  await other.send(new sdk.DeleteTagsCommand({ Resources: [id] }))
  expect((await see(api.client, id))?.Tags).toEqual([{ Key: 'Name', Value: 'ours' }])
  const options = { AccepterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc: false } }
  expect(await code('ModifyVpcPeeringConnectionOptions', { VpcPeeringConnectionId: id, ...options })).toBe(
    'OperationNotPermitted',
  )
  await other.send(new sdk.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }))
  expect((await see(api.client, id))?.Status?.Message).toBe(`Deleted by ${otherAccount}`)
  age(id, 3)
  expect([await stateOf(api.client, id), await stateOf(other, id)]).toEqual(['deleted', undefined])
  age(id, 47)
  expect(await stateOf(api.client, id)).toBeUndefined()
  // Nobody learns whether another account has a VPC.
  const lost = await request(vpcId, 'vpc-0123456789abcdef0', { PeerOwnerId: otherAccount })
  expect([await stateOf(api.client, lost), await stateOf(other, lost)]).toEqual(['failed', undefined])
})

test('another region accepts there', async () => {
  const vpcId = await createVpc(api, '10.22.0.0/16')
  const far = await vpcOf(elsewhere, '10.23.0.0/16')
  const id = await request(vpcId, far, { PeerRegion: 'eu-west-1' })
  expect(await refusal('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })).toEqual({
    code: 'OperationNotPermitted',
    message: `Incorrect region (us-east-1) specified for this request. VPC peering connection ${id} must be accepted in region eu-west-1`,
  })
  await accept(elsewhere, id)
  expect((await see(api.client, id))?.AccepterVpcInfo).toMatchObject({ Region: 'eu-west-1', CidrBlock: '10.23.0.0/16' })
  expect(await code('CreateVpcPeeringConnection', { VpcId: vpcId, PeerVpcId: far, PeerRegion: 'mars-1' })).toBe(
    'InvalidParameterValue',
  )
  // Groups are not named across regions.
  const group = (
    await elsewhere.send(new sdk.CreateSecurityGroupCommand({ GroupName: 'far', Description: 'far', VpcId: far }))
  ).GroupId
  const { SecurityGroups: groups } = await api.lab.call('DescribeSecurityGroups', {
    Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
  })
  const rule = {
    GroupId: groups?.[0]?.GroupId,
    IpPermissions: [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: group }] }],
  }
  expect(await code('AuthorizeSecurityGroupIngress', rule)).toBe('InvalidGroup.NotFound')
})

test('a rule names a group of a peer, and is stale once nothing leads there', async () => {
  const vpcId = await createVpc(api, '10.24.0.0/16')
  const theirs = await vpcOf(other, '10.25.0.0/16')
  const { GroupId: peerGroup = '' } = await other.send(
    new sdk.CreateSecurityGroupCommand({ GroupName: 'web', Description: 'web', VpcId: theirs }),
  )
  const { SecurityGroups: groups } = await api.lab.call('DescribeSecurityGroups', {
    Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
  })
  const own = groups?.[0]?.GroupId ?? ''
  const pair = { GroupId: peerGroup, UserId: otherAccount }
  const rule = {
    GroupId: own,
    IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, UserIdGroupPairs: [pair] }],
  }
  expect(await code('AuthorizeSecurityGroupIngress', rule)).toBe('InvalidGroup.NotFound')
  const id = await request(vpcId, theirs, { PeerOwnerId: otherAccount })
  await accept(other, id)
  await api.lab.call('AuthorizeSecurityGroupIngress', rule)
  const told = { ...pair, VpcId: theirs, VpcPeeringConnectionId: id }
  const read = async () => {
    const { SecurityGroups: found } = await api.lab.call('DescribeSecurityGroups', { GroupIds: [own] })
    return found?.[0]?.IpPermissions?.find(({ IpProtocol }) => IpProtocol === 'tcp')?.UserIdGroupPairs
  }
  expect(await read()).toEqual([{ ...told, PeeringStatus: 'active' }])
  const { SecurityGroupReferenceSet: references } = await other.send(
    new sdk.DescribeSecurityGroupReferencesCommand({ GroupId: [peerGroup] }),
  )
  expect(references).toEqual([{ GroupId: peerGroup, ReferencingVpcId: vpcId, VpcPeeringConnectionId: id }])
  const stale = async () => (await api.lab.call('DescribeStaleSecurityGroups', { VpcId: vpcId })).StaleSecurityGroupSet
  expect(await stale()).toEqual([])
  await api.lab.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })
  expect(await read()).toEqual([{ ...told, PeeringStatus: 'deleted' }])
  expect(await stale()).toMatchObject([
    { GroupId: own, StaleIpPermissions: [{ FromPort: 80, UserIdGroupPairs: [{ GroupId: peerGroup }] }] },
  ])
  await api.lab.call('RevokeSecurityGroupIngress', rule)
  expect(await stale()).toEqual([])
})
