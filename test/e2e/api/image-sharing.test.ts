import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../lab.ts'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'
import { changeRecords, codeOf, openOtherAccount } from './other-account.ts'

const otherId = '210987654321'

let api: ApiLab
let other: sdk.EC2Client
let ownerId: string

beforeAll(async () => {
  // What boots into nothing never becomes a template.
  api = await openApiLab('fastLaunch:\n  timeoutSeconds: 2\n')
  other = openOtherAccount(api, otherId)
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [api.imageId] })
  ownerId = images?.[0]?.OwnerId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const share = (imageId: string) =>
  api.lab.call('ModifyImageAttribute', { ImageId: imageId, LaunchPermission: { Add: [{ UserId: otherId }] } })
const unshare = (imageId: string) =>
  api.lab.call('ResetImageAttribute', { ImageId: imageId, Attribute: 'launchPermission' })

async function seenByOther(input: sdk.DescribeImagesRequest = {}): Promise<(string | undefined)[]> {
  const { Images: images } = await other.send(new sdk.DescribeImagesCommand(input))
  return (images ?? []).map(({ ImageId: id }) => id)
}

async function register(name: string, more: Partial<sdk.RegisterImageRequest> = {}): Promise<string> {
  const { ImageId: id = '' } = await api.lab.call('RegisterImage', {
    Name: name,
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: api.snapshotId } }],
    ...more,
  })
  return id
}

test('an image is invisible to another account until it is shared, and again when the permission is taken away', async () => {
  expect(await seenByOther()).toEqual([])
  expect(await codeOf(seenByOther({ ImageIds: [api.imageId] }))).toBe('InvalidAMIID.NotFound')
  await share(api.imageId)
  expect(await seenByOther()).toEqual([api.imageId])
  expect(await seenByOther({ Owners: [ownerId] })).toEqual([api.imageId])
  expect(await seenByOther({ Owners: ['self'] })).toEqual([])
  expect(await seenByOther({ ExecutableUsers: ['self'] })).toEqual([api.imageId])
  expect(await seenByOther({ ExecutableUsers: ['all'] })).toEqual([])
  await unshare(api.imageId)
  expect(await seenByOther()).toEqual([])
})

test('a shared image shows its owner’s name for it and none of its owner’s tags', async () => {
  await share(api.imageId)
  await api.lab.call('CreateTags', { Resources: [api.imageId], Tags: [{ Key: 'team', Value: 'blue' }] })
  const { Images: images } = await other.send(new sdk.DescribeImagesCommand({}))
  expect(images).toMatchObject([{ Name: 'empty', OwnerId: ownerId, Public: false, Tags: [] }])
  expect(await seenByOther({ Filters: [{ Name: 'tag:team', Values: ['blue'] }] })).toEqual([])
  await unshare(api.imageId)
})

test('another account launches a shared image without any permission to its snapshots, and changes nothing of it', async () => {
  await share(api.imageId)
  const launch = { ImageId: api.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
  const { Instances: launched } = await other.send(new sdk.RunInstancesCommand(launch))
  expect(launched).toMatchObject([{ ImageId: api.imageId, State: { Name: 'pending' } }])
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [api.imageId] })
  expect(images?.[0]?.LastLaunchedTime).toBe(new Date(launched?.[0]?.LaunchTime ?? 0).toISOString())
  const instanceIds = [launched?.[0]?.InstanceId ?? '']
  const calls = [
    new sdk.DeregisterImageCommand({ ImageId: api.imageId }),
    new sdk.DisableImageCommand({ ImageId: api.imageId }),
    new sdk.ResetImageAttributeCommand({ ImageId: api.imageId, Attribute: 'launchPermission' }),
    new sdk.DescribeImageAttributeCommand({ ImageId: api.imageId, Attribute: 'launchPermission' }),
  ]
  for (const call of calls) expect(await codeOf(other.send(call as sdk.DeregisterImageCommand))).toBe('AuthFailure')
  await unshare(api.imageId)
  // What it has launched goes on; nothing more is launched.
  expect(await codeOf(other.send(new sdk.RunInstancesCommand(launch)))).toBe('InvalidAMIID.NotFound')
  const { InstanceImageMetadata: told } = await other.send(new sdk.DescribeInstanceImageMetadataCommand({}))
  expect(told).toMatchObject([
    { InstanceId: instanceIds[0], ImageMetadata: { ImageId: api.imageId, OwnerId: ownerId } },
  ])
  await other.send(new sdk.TerminateInstancesCommand({ InstanceIds: instanceIds }))
})

test('an account gives back a permission that it was given', async () => {
  await share(api.imageId)
  await other.send(new sdk.CancelImageLaunchPermissionCommand({ ImageId: api.imageId }))
  expect(await seenByOther()).toEqual([])
  const { LaunchPermissions: left } = await api.lab.call('DescribeImageAttribute', {
    ImageId: api.imageId,
    Attribute: 'launchPermission',
  })
  expect(left).toEqual([])
  expect(await codeOf(api.lab.call('CancelImageLaunchPermission', { ImageId: api.imageId }))).toBe(
    'OperationNotPermitted',
  )
})

test('an image becomes public only once block public access is disabled, and stays so when it is enabled again', async () => {
  const publish = () =>
    api.lab.call('ModifyImageAttribute', {
      ImageId: api.imageId,
      Attribute: 'launchPermission',
      OperationType: 'add',
      UserGroups: ['all'],
    })
  expect(await api.lab.call('GetImageBlockPublicAccessState', {})).toEqual({
    ImageBlockPublicAccessState: 'block-new-sharing',
    ManagedBy: 'account',
  })
  expect(await codeOf(publish())).toBe('OperationNotPermitted')
  await api.lab.call('DisableImageBlockPublicAccess', {})
  await publish()
  await api.lab.call('EnableImageBlockPublicAccess', { ImageBlockPublicAccessState: 'block-new-sharing' })
  expect(await seenByOther({ ExecutableUsers: ['all'] })).toEqual([api.imageId])
  expect(await seenByOther({ Filters: [{ Name: 'is-public', Values: ['true'] }] })).toEqual([api.imageId])
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [api.imageId] })
  const { CreationDate: created = '', DeprecationTime: deprecation = '' } = images?.[0] ?? {}
  expect(deprecation.slice(4)).toBe(created.slice(4))
  expect(Number(deprecation.slice(0, 4))).toBe(Number(created.slice(0, 4)) + 2)
  expect(await codeOf(api.lab.call('DisableImageDeprecation', { ImageId: api.imageId }))).toBe('OperationNotPermitted')
  await unshare(api.imageId)
  expect(await seenByOther()).toEqual([])
})

test('a deprecated image of another account is hidden unless it is named or asked for, and launches by its id', async () => {
  const id = await register('deprecated')
  await share(id)
  changeRecords(api, ({ images }) => {
    const image = images.find(id)
    if (image) images.replace({ ...image, deprecationTime: '2020-01-01T00:00:00.000Z' })
  })
  expect(await seenByOther()).toEqual([])
  expect(await seenByOther({ IncludeDeprecated: true })).toEqual([id])
  expect(await seenByOther({ ImageIds: [id] })).toEqual([id])
  const { Images: own } = await api.lab.call('DescribeImages', { Filters: [{ Name: 'name', Values: ['deprecated'] }] })
  expect(own).toMatchObject([{ ImageId: id, DeprecationTime: '2020-01-01T00:00:00.000Z' }])
  const launch = { ImageId: id, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, DryRun: true } as const
  expect(await codeOf(other.send(new sdk.RunInstancesCommand(launch)))).toBe('DryRunOperation')
  await api.lab.call('DeregisterImage', { ImageId: id })
})

test('pages go through own and shared images in the order of their creation', async () => {
  const shared = await register('shared-first')
  await share(shared)
  await share(api.imageId)
  await api.lab.call('ModifySnapshotAttribute', {
    SnapshotId: api.snapshotId,
    CreateVolumePermission: { Add: [{ UserId: otherId }] },
  })
  const copy = new sdk.CopyImageCommand({ Name: 'own-last', SourceImageId: shared, SourceRegion: 'us-east-1' })
  const { ImageId: own } = await other.send(copy)
  const seen: (string | undefined)[] = []
  for (let token: string | undefined = ''; token !== undefined; ) {
    const page: sdk.DescribeImagesCommandOutput = await other.send(
      new sdk.DescribeImagesCommand({ MaxResults: 1, ...(token ? { NextToken: token } : {}) }),
    )
    seen.push(...(page.Images ?? []).map(({ ImageId: id }) => id))
    token = page.NextToken
  }
  expect(seen).toEqual([api.imageId, shared, own])
  await other.send(new sdk.DeregisterImageCommand({ ImageId: own, DeleteAssociatedSnapshots: true }))
  await api.lab.call('ResetSnapshotAttribute', { SnapshotId: api.snapshotId, Attribute: 'createVolumePermission' })
  await unshare(api.imageId)
  await api.lab.call('DeregisterImage', { ImageId: shared })
})

test('allowed images tell in audit mode what they keep from an account when they are enabled', async () => {
  await share(api.imageId)
  const criteria = (ImageCriteria: sdk.ImageCriterionRequest[]) =>
    other.send(new sdk.ReplaceImageCriteriaInAllowedImagesSettingsCommand({ ImageCriteria }))
  const enable = (state: 'enabled' | 'audit-mode') =>
    other.send(new sdk.EnableAllowedImagesSettingsCommand({ AllowedImagesSettingsState: state }))
  const allowance = async () =>
    (await other.send(new sdk.DescribeImagesCommand({}))).Images?.map(({ ImageAllowed: isAllowed }) => isAllowed)
  const launch = new sdk.RunInstancesCommand({
    ImageId: api.imageId,
    InstanceType: 't3.nano',
    MinCount: 1,
    MaxCount: 1,
    DryRun: true,
  })

  expect(await allowance()).toEqual([undefined])
  await criteria([{ ImageProviders: ['amazon'] }, { ImageNames: ['none-*'] }])
  await enable('audit-mode')
  expect(await allowance()).toEqual([false])
  expect(await seenByOther({ Filters: [{ Name: 'image-allowed', Values: ['true'] }] })).toEqual([])
  expect(await codeOf(other.send(launch))).toBe('DryRunOperation')
  await enable('enabled')
  expect(await allowance()).toEqual([])
  expect(await codeOf(other.send(launch))).toBe('InvalidAMIID.NotFound')
  await criteria([
    { ImageProviders: [ownerId], ImageNames: ['emp*'], CreationDateCondition: { MaximumDaysSinceCreated: 1 } },
  ])
  expect(await allowance()).toEqual([true])
  expect(await codeOf(other.send(launch))).toBe('DryRunOperation')
  expect(await other.send(new sdk.GetAllowedImagesSettingsCommand({}))).toMatchObject({
    State: 'enabled',
    ManagedBy: 'account',
    ImageCriteria: [
      { ImageProviders: [ownerId], ImageNames: ['emp*'], CreationDateCondition: { MaximumDaysSinceCreated: 1 } },
    ],
  })
  expect(await codeOf(criteria([{ ImageProviders: ['none', ownerId] }]))).toBe('InvalidParameterCombination')
  expect(await codeOf(criteria([{ ImageProviders: ['nobody'] }]))).toBe('InvalidParameterValue')
  await other.send(new sdk.DisableAllowedImagesSettingsCommand({}))
  await unshare(api.imageId)
})

describe('Fast Launch', () => {
  const listFastLaunches = async (input: sdk.DescribeFastLaunchImagesRequest = {}) =>
    (await api.client.send(new sdk.DescribeFastLaunchImagesCommand(input))).FastLaunchImages ?? []

  test('is told as EC2 tells it, fails for what has no guest part, and is gone when it is disabled', async () => {
    const { LaunchTemplate: made } = await api.lab.call('CreateLaunchTemplate', {
      LaunchTemplateName: 'small',
      LaunchTemplateData: { InstanceType: 't2.nano' },
    })
    const enabled = await api.client.send(
      new sdk.EnableFastLaunchCommand({
        ImageId: api.imageId,
        SnapshotConfiguration: { TargetResourceCount: 3 },
        LaunchTemplate: { LaunchTemplateName: 'small', Version: '$Latest' },
        MaxParallelLaunches: 8,
      }),
    )
    const settings = {
      ImageId: api.imageId,
      ResourceType: 'snapshot',
      SnapshotConfiguration: { TargetResourceCount: 3 },
      LaunchTemplate: { LaunchTemplateId: made?.LaunchTemplateId, LaunchTemplateName: 'small', Version: '$Latest' },
      MaxParallelLaunches: 8,
      OwnerId: ownerId,
    }
    expect(enabled).toMatchObject({ ...settings, State: 'enabling', StateTransitionReason: 'Client.UserInitiated' })
    expect(enabled.StateTransitionTime).toBeInstanceOf(Date)

    await until(async () => (await listFastLaunches())[0]?.State !== 'enabling')
    const [failed] = await listFastLaunches({ ImageIds: [api.imageId] })
    expect(failed).toMatchObject({ ...settings, State: 'enabling-failed' })
    expect(failed?.StateTransitionReason).toContain('had not booted after 2 s')
    for (const [name, value] of [
      ['state', 'enabling-failed'],
      ['owner-id', ownerId],
      ['resource-type', 'snap*'],
      ['launch-template', made?.LaunchTemplateId ?? ''],
    ] as const) {
      expect(await listFastLaunches({ Filters: [{ Name: name, Values: [value] }] }), name).toHaveLength(1)
      expect(await listFastLaunches({ Filters: [{ Name: name, Values: ['none'] }] }), name).toEqual([])
    }
    expect(await api.lab.call('KilnDescribeTemplates', {})).toMatchObject({
      Images: [{ ImageId: api.imageId, State: 'enabling-failed', Depth: 'booted', InstanceTypes: ['t2.nano'] }],
      Templates: [],
    })

    expect(
      await api.client.send(new sdk.DisableFastLaunchCommand({ ImageId: api.imageId, Force: true })),
    ).toMatchObject({ ...settings, State: 'disabling' })
    await until(async () => (await listFastLaunches()).length === 0)
    const { Events: events } = await api.lab.call('KilnDescribeEvents', {})
    const told = events.filter(
      ({ Kind, ResourceId }) => Kind === 'fast-launch-state-change' && ResourceId === api.imageId,
    )
    expect(told.map(({ Message }) => Message.replace(/:.*/, ''))).toEqual(
      ['enabling', 'enabling-failed', 'disabling', 'disabled'].map(
        (state) => `Fast Launch of ${api.imageId} is ${state}`,
      ),
    )
  })

  test('is of an image’s owner alone', async () => {
    const calls = [
      new sdk.EnableFastLaunchCommand({ ImageId: api.imageId }),
      new sdk.DisableFastLaunchCommand({ ImageId: api.imageId }),
    ]
    const codes = async () => await Promise.all(calls.map((call) => codeOf(other.send(call))))
    expect(await codes()).toEqual(['InvalidAMIID.NotFound', 'InvalidAMIID.NotFound'])
    await share(api.imageId)
    expect(await codes()).toEqual(['AuthFailure', 'AuthFailure'])
    await api.lab.call('KilnWarmImage', { ImageId: api.imageId, InstanceTypes: ['t2.nano'] })
    const seen = await other.send(new sdk.DescribeFastLaunchImagesCommand({ ImageIds: [api.imageId] }))
    expect(seen.FastLaunchImages).toEqual([])
    await api.lab.call('DisableFastLaunch', { ImageId: api.imageId })
    await until(async () => (await listFastLaunches()).length === 0)
    await unshare(api.imageId)
  })

  test.each([
    ['another resource', { ResourceType: 'volume' }, 'InvalidParameterValue', 'Expected snapshot'],
    ['too few launches at once', { MaxParallelLaunches: 5 }, 'InvalidParameterValue', 'Expected 6 or more'],
    [
      'no resource at all',
      { SnapshotConfiguration: { TargetResourceCount: 0 } },
      'InvalidParameterValue',
      '1 to 10000',
    ],
    [
      'a template that is not there',
      { LaunchTemplate: { LaunchTemplateName: 'none', Version: '1' } },
      'InvalidLaunchTemplateName.NotFoundException',
      'none',
    ],
    [
      'a version that is not there',
      { LaunchTemplate: { LaunchTemplateName: 'small', Version: '7' } },
      'InvalidLaunchTemplateId.VersionNotFound',
      'version 7',
    ],
    [
      'a template without a version',
      { LaunchTemplate: { LaunchTemplateName: 'small' } },
      'MissingParameter',
      'LaunchTemplate.Version',
    ],
    ['an image that is not there', { ImageId: 'ami-00000000000000000' }, 'InvalidAMIID.NotFound', 'does not exist'],
  ])('is refused for %s', async (_what, more, code, message) => {
    const refusal = await refusalOfSdk(api, 'EnableFastLaunch', { ImageId: api.imageId, ...more })
    expect(refusal).toMatchObject({ code })
    expect(refusal?.message).toContain(message)
    expect(await listFastLaunches()).toEqual([])
  })

  test('is refused for images of which there can be no template, with the reason', async () => {
    const cases = [
      [{ BootMode: 'uefi' }, 'it boots by UEFI'],
      [{ BootMode: 'uefi', TpmSupport: 'v2.0' }, 'it asks for a TPM'],
      [{ BootMode: 'uefi-preferred' }, 'as on t3.micro'],
      [{ Architecture: 'arm64' }, 'architecture arm64'],
    ] as const satisfies [Partial<sdk.RegisterImageRequest>, string][]
    for (const [index, [settings, why]] of cases.entries()) {
      const imageId = await register(`cold-${index}`, settings)
      const refusal = await refusalOfSdk(api, 'EnableFastLaunch', { ImageId: imageId })
      expect(refusal).toMatchObject({ code: 'UnsupportedOperation' })
      expect(refusal?.message).toContain(why)
      await api.lab.call('DeregisterImage', { ImageId: imageId })
    }
    expect(await codeOf(api.lab.call('DisableFastLaunch', { ImageId: api.imageId }))).toBe('IncorrectState')
    const arm = { ImageId: api.imageId, InstanceTypes: ['t4g.micro'] }
    expect(await codeOf(api.lab.call('KilnWarmImage', arm))).toBe('Unsupported')
  })

  test('is a matter of the launch by a tag that says nothing else', async () => {
    const tagged = (value: string) => [
      { ResourceType: 'instance' as const, Tags: [{ Key: 'kiln:fast-launch', Value: value }] },
    ]
    const launch = { ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1, DryRun: true }
    expect(await codeOf(api.lab.call('RunInstances', { ...launch, TagSpecifications: tagged('never') }))).toBe(
      'InvalidParameterValue',
    )
    expect(await codeOf(api.lab.call('RunInstances', { ...launch, TagSpecifications: tagged('off') }))).toBe(
      'DryRunOperation',
    )
  })
})
