import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk, refusalOfSocket, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const one = () => ({ ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 })

async function launch(more: object = {}): Promise<string> {
  const { Instances: launched } = await api.lab.call('RunInstances', { ...one(), ...more })
  return launched?.[0]?.InstanceId ?? ''
}

async function stop(id: string): Promise<void> {
  await api.lab.call('StopInstances', { InstanceIds: [id], Force: true })
  await waitForState(api, id, 'stopped')
}

async function terminate(...ids: string[]): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: ids })
  for (const id of ids) await waitForState(api, id, 'terminated')
}

async function describeOne(instanceId: string) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [instanceId] })
  return found?.[0]?.Instances?.[0]
}

async function find(name: string, value: string) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', {
    Filters: [{ Name: name, Values: [value] }],
  })
  return (found ?? []).flatMap(({ Instances }) => (Instances ?? []).map(({ InstanceId }) => InstanceId))
}

describe('a placement group', () => {
  const create = async (GroupName: string, more: object) =>
    (await api.lab.call('CreatePlacementGroup', { GroupName, ...more })).PlacementGroup

  test('is told as it was made, found by name, id and filter, and gone with its tags', async () => {
    const TagSpecifications = [{ ResourceType: 'placement-group', Tags: [{ Key: 'team', Value: 'web' }] }]
    const made = await create('rack', { Strategy: 'spread', TagSpecifications })
    expect(made).toMatchObject({
      GroupName: 'rack',
      Strategy: 'spread',
      SpreadLevel: 'rack',
      State: 'available',
      GroupId: expect.stringMatching(/^pg-[0-9a-f]{17}$/) as string,
      GroupArn: 'arn:aws:ec2:us-east-1:123456789012:placement-group/rack',
      Tags: [{ Key: 'team', Value: 'web' }],
    })
    const close = await create('close', { Strategy: 'cluster' })
    const describeGroups = async (input: object) =>
      (await api.lab.call('DescribePlacementGroups', input)).PlacementGroups
    expect(await describeGroups({})).toEqual([made, close])
    expect(await describeGroups({ GroupNames: ['close'] })).toEqual([close])
    expect(await describeGroups({ GroupIds: [made?.GroupId] })).toEqual([made])
    expect(await describeGroups({ Filters: [{ Name: 'strategy', Values: ['clus*'] }] })).toEqual([close])
    expect(await describeGroups({ Filters: [{ Name: 'tag:team', Values: ['web'] }] })).toEqual([made])
    const refused = await refusalOfSdk(api, 'CreatePlacementGroup', { GroupName: 'rack', Strategy: 'cluster' })
    expect(refused?.code).toBe('InvalidPlacementGroup.Duplicate')
    for (const GroupName of ['rack', 'close']) await api.lab.call('DeletePlacementGroup', { GroupName })
    expect(await refusalOfSdk(api, 'DescribePlacementGroups', { GroupNames: ['rack'] })).toEqual({
      code: 'InvalidPlacementGroup.Unknown',
      message: "The Placement Group 'rack' is unknown.",
    })
    const ofGroups = [{ Name: 'resource-type', Values: ['placement-group'] }]
    expect((await api.lab.call('DescribeTags', { Filters: ofGroups })).Tags).toEqual([])
  })

  test('of partitions has its instances in the emptiest, or in the one that was asked for', async () => {
    const made = await create('parts', { Strategy: 'partition', PartitionCount: 2 })
    const first = await launch({ Placement: { GroupName: 'parts', PartitionNumber: 2 } })
    const second = await launch({ Placement: { GroupId: made?.GroupId } })
    expect((await describeOne(first))?.Placement).toMatchObject({ GroupName: 'parts', PartitionNumber: 2 })
    expect((await describeOne(second))?.Placement).toMatchObject({ GroupId: made?.GroupId, PartitionNumber: 1 })
    expect(await find('placement-group-name', 'parts')).toEqual([first, second])
    expect(await find('placement-partition-number', '1')).toEqual([second])
    const third = { ...one(), Placement: { GroupName: 'parts', PartitionNumber: 3 } }
    expect(await refusalOfSdk(api, 'RunInstances', third)).toMatchObject({
      code: 'InvalidParameterValue',
      message: expect.stringContaining('partitions 1 to 2') as string,
    })
    expect(await refusalOfSdk(api, 'DeletePlacementGroup', { GroupName: 'parts' })).toEqual({
      code: 'InvalidPlacementGroup.InUse',
      message: "The placement group 'parts' is in use and may not be deleted.",
    })
    await stop(first)
    await api.lab.call('ModifyInstancePlacement', { InstanceId: first, PartitionNumber: 1 })
    expect((await describeOne(first))?.Placement).toMatchObject({ GroupName: 'parts', PartitionNumber: 1 })
    // An empty name takes it out, whichever way it is asked for.
    expect(await refusalOfSdk(api, 'ModifyInstancePlacement', { InstanceId: first, GroupName: '' })).toBeUndefined()
    const out = (await describeOne(first))?.Placement
    expect([out?.GroupName, out?.GroupId, out?.PartitionNumber]).toEqual(['', undefined, undefined])
    await terminate(first, second)
    await api.lab.call('DeletePlacementGroup', { GroupName: 'parts' })
  })

  test('spreads seven running instances over a zone and no more, at launch and at start', async () => {
    await create('spread', { Strategy: 'spread' })
    const eight = { ...one(), Placement: { GroupName: 'spread' }, MinCount: 8, MaxCount: 8 }
    const isFull = {
      code: 'InsufficientInstanceCapacity',
      message: expect.stringContaining("The spread placement group 'spread' has at most 7") as string,
    }
    expect(await refusalOfSocket(api, 'RunInstances', eight)).toEqual(isFull)
    const stopped: string[] = []
    while (stopped.length < 8) {
      const id = await launch({ Placement: { GroupName: 'spread' } })
      await stop(id)
      stopped.push(id)
    }
    expect(await refusalOfSocket(api, 'StartInstances', { InstanceIds: stopped })).toEqual(isFull)
    await terminate(...stopped)
  })

  test('of a cluster takes no burstable type and one zone, and a stopped instance may be moved into it', async () => {
    await create('near', { Strategy: 'cluster' })
    const placed = (more: object) => ({ ...one(), Placement: { GroupName: 'near', ...more } })
    expect(await refusalOfSdk(api, 'RunInstances', placed({}))).toMatchObject({
      code: 'InvalidParameterCombination',
      message: expect.stringContaining("not supported by the 't3.nano' instance type") as string,
    })
    const id = await launch({ InstanceType: 'm1.small' })
    const move = { InstanceId: id, GroupName: 'near' }
    expect(await refusalOfSdk(api, 'ModifyInstancePlacement', move)).toMatchObject({ code: 'IncorrectInstanceState' })
    await stop(id)
    expect(await api.lab.call('ModifyInstancePlacement', move)).toEqual({ Return: true })
    const elsewhere = { ...placed({ AvailabilityZone: 'us-east-1b' }), InstanceType: 'm1.small' }
    expect(await refusalOfSdk(api, 'RunInstances', elsewhere)).toMatchObject({
      code: 'InvalidParameterCombination',
      message: expect.stringContaining("The cluster placement group 'near' is in us-east-1a") as string,
    })
    await terminate(id)
  })
})

test('an instance profile is associated, replaced and taken away; a launch with one makes an association', async () => {
  const arnOf = (name: string) => `arn:aws:iam::123456789012:instance-profile/${name}`
  const associations = async (input: object = {}) =>
    (await api.lab.call('DescribeIamInstanceProfileAssociations', input)).IamInstanceProfileAssociations
  const launched = await launch({ IamInstanceProfile: { Name: 'at-launch' } })
  const bare = await launch()
  await waitForState(api, bare, 'running')
  const made = await api.lab.call('AssociateIamInstanceProfile', {
    InstanceId: bare,
    IamInstanceProfile: { Name: 'later' },
  })
  expect(made.IamInstanceProfileAssociation).toMatchObject({
    AssociationId: expect.stringMatching(/^iip-assoc-[0-9a-f]{17}$/) as string,
    InstanceId: bare,
    State: 'associating',
    IamInstanceProfile: { Arn: arnOf('later') },
  })
  expect(await associations()).toMatchObject([
    { InstanceId: launched, State: 'associated', IamInstanceProfile: { Arn: arnOf('at-launch') } },
    { InstanceId: bare, State: 'associated', IamInstanceProfile: { Arn: arnOf('later') } },
  ])
  const twice = { InstanceId: bare, IamInstanceProfile: { Name: 'again' } }
  expect(await refusalOfSdk(api, 'AssociateIamInstanceProfile', twice)).toEqual({
    code: 'IncorrectState',
    message: `There is an existing association for instance ${bare}`,
  })
  const AssociationId = made.IamInstanceProfileAssociation?.AssociationId ?? ''
  const replaced = await api.lab.call('ReplaceIamInstanceProfileAssociation', {
    AssociationId,
    IamInstanceProfile: { Arn: arnOf('team/other') },
  })
  expect((await describeOne(bare))?.IamInstanceProfile?.Arn).toBe(arnOf('team/other'))
  const ofBare = { Filters: [{ Name: 'instance-id', Values: [bare] }] }
  const newId = replaced.IamInstanceProfileAssociation?.AssociationId ?? ''
  expect((await associations(ofBare))?.map(({ AssociationId: id }) => id)).toEqual([newId])
  const disassociated = await api.lab.call('DisassociateIamInstanceProfile', { AssociationId: newId })
  expect(disassociated.IamInstanceProfileAssociation?.State).toBe('disassociating')
  expect((await describeOne(bare))?.IamInstanceProfile).toBeUndefined()
  expect(await refusalOfSdk(api, 'DisassociateIamInstanceProfile', { AssociationId: newId })).toMatchObject({
    code: 'InvalidAssociationID.NotFound',
  })
  await terminate(launched, bare)
  await until(async () => (await associations())?.length === 0)
})

test('an event window keeps its times and its targets, and goes with them only by force', async () => {
  const range = { StartWeekDay: 'monday', StartHour: 2, EndWeekDay: 'monday', EndHour: 8 } as const
  const { InstanceEventWindow: made } = await api.lab.call('CreateInstanceEventWindow', {
    Name: 'night',
    TimeRanges: [range],
    TagSpecifications: [{ ResourceType: 'instance-event-window', Tags: [{ Key: 'k', Value: 'v' }] }],
  })
  expect(made).toMatchObject({ Name: 'night', TimeRanges: [range], State: 'creating' })
  const InstanceEventWindowId = made?.InstanceEventWindowId ?? ''
  const windows = async (input: object = {}) =>
    (await api.lab.call('DescribeInstanceEventWindows', input)).InstanceEventWindows
  expect(await windows()).toEqual([{ ...made, State: 'active' }])
  const short = [
    { TimeRanges: [{ ...range, EndHour: 3 }] },
    { CronExpression: '* 0-2 * * 1' },
    { CronExpression: '1 0-4 * * 1' },
  ]
  for (const times of short) {
    expect(await refusalOfSdk(api, 'CreateInstanceEventWindow', times)).toMatchObject({ code: 'InvalidParameterValue' })
  }
  const CronExpression = '* 0-4,20-23 * * 1,SAT'
  const changed = await api.lab.call('ModifyInstanceEventWindow', { InstanceEventWindowId, CronExpression })
  expect([changed.InstanceEventWindow?.CronExpression, changed.InstanceEventWindow?.TimeRanges]).toEqual([
    CronExpression,
    undefined,
  ])
  const id = await launch()
  const instances = { InstanceIds: [id] }
  await api.lab.call('AssociateInstanceEventWindow', { InstanceEventWindowId, AssociationTarget: instances })
  expect((await windows({ Filters: [{ Name: 'instance-id', Values: [id] }] }))?.[0]?.AssociationTarget).toEqual({
    InstanceIds: [id],
    Tags: [],
    DedicatedHostIds: [],
  })
  const tags = { InstanceEventWindowId, AssociationTarget: { InstanceTags: [{ Key: 'env', Value: 'prod' }] } }
  expect(await refusalOfSdk(api, 'AssociateInstanceEventWindow', tags)).toMatchObject({
    code: 'InvalidParameterCombination',
  })
  const deletion = { InstanceEventWindowId }
  expect(await refusalOfSdk(api, 'DeleteInstanceEventWindow', deletion)).toMatchObject({ code: 'DependencyViolation' })
  await api.lab.call('DisassociateInstanceEventWindow', { InstanceEventWindowId, AssociationTarget: instances })
  await api.lab.call('AssociateInstanceEventWindow', tags)
  expect(await windows({ Filters: [{ Name: 'instance-tag', Values: ['env=prod'] }] })).toHaveLength(1)
  await api.lab.call('DeleteInstanceEventWindow', { ...deletion, ForceDelete: true })
  expect(await windows()).toEqual([])
  await terminate(id)
})
