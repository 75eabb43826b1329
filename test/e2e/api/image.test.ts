import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, launchOne, openApiLab, waitForState } from './api-lab.ts'
import { until } from '../lab.ts'
import { changeRecords, codeOf, openOtherAccount } from './other-account.ts'

let api: ApiLab
let ownerId: string

beforeAll(async () => {
  api = await openApiLab('quotas:\n  images: 4\n  snapshots: 6\n')
  ownerId = (await describe(api.imageId)).OwnerId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function describe(imageId: string) {
  const { Images: images } = await api.lab.call('DescribeImages', { ImageIds: [imageId], IncludeDisabled: true })
  return images?.[0] ?? {}
}

/** What the layers say of themselves. */
async function describedLayers(): Promise<string[]> {
  const directory = join(api.lab.home, 'layers')
  const names = await readdir(directory)
  return await Promise.all(names.map((name) => readFile(join(directory, name, 'layer.yaml'), 'utf8')))
}

test('attributes are changed one at a time and come back exactly', async () => {
  const imageId = api.imageId
  const attribute = (name: sdk.ImageAttributeName) =>
    api.lab.call('DescribeImageAttribute', { ImageId: imageId, Attribute: name })
  const modify = (more: object) => api.lab.call('ModifyImageAttribute', { ImageId: imageId, ...more })

  await modify({ Description: { Value: 'of the team' } })
  expect(await attribute('description')).toEqual({ ImageId: imageId, Description: { Value: 'of the team' } })
  await modify({ Attribute: 'description', Value: '' })
  expect((await describe(imageId)).Description).toBeUndefined()
  await modify({ Attribute: 'launchPermission', OperationType: 'add', UserIds: ['111122223333', '444455556666'] })
  await modify({ LaunchPermission: { Remove: [{ UserId: '111122223333' }] } })
  expect(await attribute('launchPermission')).toEqual({
    ImageId: imageId,
    LaunchPermissions: [{ UserId: '444455556666' }],
  })
  await modify({ ImdsSupport: { Value: 'v2.0' } })
  expect(await attribute('imdsSupport')).toEqual({ ImageId: imageId, ImdsSupport: { Value: 'v2.0' } })
  expect(await attribute('kernel')).toEqual({ ImageId: imageId, KernelId: {} })
  expect(await attribute('productCodes')).toEqual({ ImageId: imageId, ProductCodes: [] })

  expect(await codeOf(attribute('blockDeviceMapping'))).toBe('AuthFailure')
  expect(await codeOf(modify({}))).toBe('InvalidParameterCombination')
  expect(await codeOf(modify({ Description: { Value: 'x' }, ImdsSupport: { Value: 'v2.0' } }))).toBe(
    'InvalidParameterCombination',
  )
  expect(await codeOf(modify({ LaunchPermission: { Add: [{ UserId: 'me' }] } }))).toBe('InvalidAMIAttributeItemValue')
  const organization = { OrganizationArn: 'arn:aws:organizations::123456789012:organization/o-1' }
  expect(await codeOf(modify({ LaunchPermission: { Add: [organization] } }))).toBe('UnsupportedOperation')
  await api.lab.call('ResetImageAttribute', { ImageId: imageId, Attribute: 'launchPermission' })
})

test('a copy in another region is an image of its own that outlives its source, and knows its ancestors', async () => {
  const { ImageId: sourceId = '' } = await api.lab.call('CopyImage', {
    Name: 'source',
    SourceImageId: api.imageId,
    SourceRegion: 'us-east-1',
    Encrypted: false,
    TagSpecifications: [
      { ResourceType: 'image', Tags: [{ Key: 'team', Value: 'blue' }] },
      { ResourceType: 'snapshot', Tags: [{ Key: 'of', Value: 'source' }] },
    ],
  })
  const there = openOtherAccount(api, ownerId, 'eu-west-1')
  const request = {
    Name: 'copy',
    Description: 'over there',
    SourceImageId: sourceId,
    SourceRegion: 'us-east-1',
    CopyImageTags: true,
    ClientToken: 'once',
  }
  const { ImageId: copyId = '' } = await there.send(new sdk.CopyImageCommand(request))
  expect((await there.send(new sdk.CopyImageCommand(request))).ImageId).toBe(copyId)
  const { DeleteSnapshotResults: deleted } = await api.lab.call('DeregisterImage', {
    ImageId: sourceId,
    DeleteAssociatedSnapshots: true,
  })
  expect(deleted).toMatchObject([{ ReturnCode: 'success' }])

  const { Images: copies } = await there.send(new sdk.DescribeImagesCommand({ Owners: ['self'] }))
  expect(copies).toMatchObject([
    {
      ImageId: copyId,
      State: 'available',
      Description: 'over there',
      SourceImageId: sourceId,
      SourceImageRegion: 'us-east-1',
      Tags: [{ Key: 'team', Value: 'blue' }],
    },
  ])
  const { ImageAncestryEntries: chain } = await there.send(new sdk.GetImageAncestryCommand({ ImageId: copyId }))
  expect(chain).toMatchObject([{ ImageId: copyId, SourceImageId: sourceId, SourceImageRegion: 'us-east-1' }])
  const launch = { ImageId: copyId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
  const { Instances: launched } = await there.send(new sdk.RunInstancesCommand(launch))
  const instanceId = launched?.[0]?.InstanceId ?? ''
  const { ImageReferences: references } = await there.send(
    new sdk.DescribeImageReferencesCommand({ ImageIds: [copyId], IncludeAllResourceTypes: true }),
  )
  expect(references).toEqual([
    {
      ImageId: copyId,
      ResourceType: 'ec2:Instance',
      Arn: `arn:aws:ec2:eu-west-1:${ownerId}:instance/${instanceId}`,
    },
  ])
  await there.send(new sdk.TerminateInstancesCommand({ InstanceIds: [instanceId] }))
  expect(
    await codeOf(there.send(new sdk.CopyImageCommand({ ...request, Name: 'another', ClientToken: 'twice' }))),
  ).toBe('InvalidAMIID.NotFound')
})

test('an encrypted copy is available when it is written, can be neither public nor warm, and leaves no key behind', async () => {
  const copy = { Name: 'secret', SourceImageId: api.imageId, SourceRegion: 'us-east-1', Encrypted: true }
  const { ImageId: imageId = '' } = await api.lab.call('CopyImage', copy)
  const describe = async () => (await api.lab.call('DescribeImages', { ImageIds: [imageId] })).Images?.[0]
  await until(async () => (await describe())?.State === 'available')
  expect((await describe())?.BlockDeviceMappings).toMatchObject([{ Ebs: { Encrypted: true } }])
  const publish = { ImageId: imageId, LaunchPermission: { Add: [{ Group: 'all' as const }] } }
  expect(await codeOf(api.lab.call('ModifyImageAttribute', publish))).toBe('OperationNotPermitted')
  expect(await codeOf(api.lab.call('EnableFastLaunch', { ImageId: imageId }))).toBe('UnsupportedOperation')
  await api.lab.call('DeregisterImage', { ImageId: imageId, DeleteAssociatedSnapshots: true })
  await until(async () => (await readdir(join(api.lab.home, 'keyring'))).length === 0)
})

test('a disabled image is told only when it is asked for and launches nothing until it is enabled', async () => {
  const launch = { ImageId: api.imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, DryRun: true } as const
  expect(await api.lab.call('DisableImage', { ImageId: api.imageId })).toEqual({ Return: true })
  expect((await api.lab.call('DescribeImages', { ImageIds: [api.imageId] })).Images).toEqual([])
  expect((await describe(api.imageId)).State).toBe('disabled')
  expect(await codeOf(api.lab.call('RunInstances', launch))).toBe('InvalidAMIID.Unavailable')
  expect(await api.lab.call('EnableImage', { ImageId: api.imageId })).toEqual({ Return: true })
  expect(await codeOf(api.lab.call('RunInstances', launch))).toBe('DryRunOperation')
})

test('a deprecation is rounded to the minute, within ten years, and can be taken back', async () => {
  const deprecate = (DeprecateAt: Date) => api.lab.call('EnableImageDeprecation', { ImageId: api.imageId, DeprecateAt })
  const year = new Date().getUTCFullYear()
  await deprecate(new Date(`${year + 1}-03-01T10:00:40.000Z`))
  expect((await describe(api.imageId)).DeprecationTime).toBe(`${year + 1}-03-01T10:01:00.000Z`)
  expect(await codeOf(deprecate(new Date('2020-01-01T00:00:00Z')))).toBe('InvalidParameterValue')
  expect(await codeOf(deprecate(new Date(`${year + 11}-01-01T00:00:00Z`)))).toBe('InvalidParameterValue')
  await api.lab.call('DisableImageDeprecation', { ImageId: api.imageId })
  expect((await describe(api.imageId)).DeprecationTime).toBeUndefined()
})

test('a protected image is not deregistered, with a cooldown not for a day after either', async () => {
  const { ImageId: id = '' } = await api.lab.call('CopyImage', {
    Name: 'protected',
    SourceImageId: api.imageId,
    SourceRegion: 'us-east-1',
  })
  const deregister = () => api.lab.call('DeregisterImage', { ImageId: id })
  const enable = { ImageId: id, WithCooldown: true }
  expect(await api.lab.call('EnableImageDeregistrationProtection', enable)).toEqual({ Return: 'enabled-with-cooldown' })
  expect((await describe(id)).DeregistrationProtection).toBe('enabled-with-cooldown')
  expect(await codeOf(deregister())).toBe('OperationNotPermitted')
  await api.lab.call('DisableImageDeregistrationProtection', { ImageId: id })
  expect(await codeOf(deregister())).toBe('OperationNotPermitted')
  changeRecords(api, ({ images }) => {
    const image = images.find(id)
    if (!image) return
    images.replace({
      ...image,
      deregistrationProtection: { hasCooldown: true, disabledAt: '2020-01-01T00:00:00.000Z' },
    })
  })
  expect(await codeOf(deregister())).toBe('done')
})

test('what a retention rule is about goes into the recycle bin, and comes back as it was', async () => {
  const { lab } = api
  const { ImageId: id = '' } = await lab.call('CopyImage', {
    Name: 'thrown away',
    SourceImageId: api.imageId,
    SourceRegion: 'us-east-1',
    TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'team', Value: 'blue' }] }],
  })
  const before = await describe(id)
  const snapshotId = before.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
  const deregister = () => lab.call('DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
  const restoreImage = () => lab.call('RestoreImageFromRecycleBin', { ImageId: id })
  expect(await codeOf(restoreImage())).toBe('InvalidAMIID.NotFound')

  const keep = (more: object) => lab.call('KilnPutRetentionRule', { RetentionDays: 3, ...more } as never)
  await keep({ ResourceType: 'EC2_IMAGE', ResourceTags: [{ Key: 'team', Value: 'blue' }] })
  await keep({ ResourceType: 'EC2_IMAGE', RetentionDays: 2 })
  const { Rule: rule } = await keep({ ResourceType: 'EBS_SNAPSHOT', Description: 'all' })
  expect((await lab.call('KilnDescribeRetentionRules', {})).Rules).toHaveLength(3)
  expect(await codeOf(keep({ ResourceType: 'EC2_IMAGE', RetentionDays: 366 }))).toBe('InvalidParameterValue')
  expect(await codeOf(keep({ ResourceType: 'EC2_IMAGE', Identifier: rule.Identifier }))).toBe('InvalidParameterValue')

  expect((await deregister()).DeleteSnapshotResults).toEqual([{ SnapshotId: snapshotId, ReturnCode: 'success' }])
  expect((await lab.call('DescribeImages', { ImageIds: [id] })).Images).toEqual([])
  const { Images: kept } = await lab.call('ListImagesInRecycleBin', { ImageIds: [id] })
  expect(kept).toMatchObject([{ ImageId: id, Name: 'thrown away' }])
  // The longest of the rules that match holds.
  const { RecycleBinEnterTime: entered = '', RecycleBinExitTime: exits = '' } = kept?.[0] ?? {}
  expect(Date.parse(exits) - Date.parse(entered)).toBe(3 * 24 * 3600 * 1000)
  expect((await lab.call('ListSnapshotsInRecycleBin', {})).Snapshots).toMatchObject([{ SnapshotId: snapshotId }])
  expect(await codeOf(lab.call('CreateVolume', { AvailabilityZone: 'us-east-1a', SnapshotId: snapshotId }))).toBe(
    'InvalidSnapshot.NotFound',
  )

  // A daemon that has lost its records finds what is in the bin, too.
  const imageFile = join(lab.home, 'images', id, 'image.yaml')
  await until(async () => (await readFile(imageFile, 'utf8')).startsWith('recycled'))
  await until(async () => (await describedLayers()).some((text) => text.includes('recycled:')))
  await lab.killDaemon()
  for (const end of ['', '-wal', '-shm']) await rm(join(lab.home, `kiln.db${end}`), { force: true })
  await lab.startDaemon()
  expect(await codeOf(restoreImage())).toBe('InvalidSnapshot.NotFound')
  await lab.call('RestoreSnapshotFromRecycleBin', { SnapshotId: snapshotId })
  expect(await restoreImage()).toEqual({ Return: true })
  expect(await describe(id)).toEqual(before)
  expect((await lab.call('ListImagesInRecycleBin', {})).Images).toEqual([])
  expect((await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })).Snapshots).toHaveLength(1)

  // The rules went with the records: now it is gone for good.
  expect((await deregister()).DeleteSnapshotResults).toMatchObject([{ ReturnCode: 'success' }])
  expect((await lab.call('ListImagesInRecycleBin', {})).Images).toEqual([])
})

test('no way of making an image goes beyond the quotas of images and snapshots', async () => {
  const instanceId = await launchOne(api)
  await waitForState(api, instanceId, 'running')
  const copy = (name: string) =>
    api.lab.call('CopyImage', { Name: name, SourceImageId: api.imageId, SourceRegion: 'us-east-1' })
  const create = (name: string) =>
    api.lab.call('CreateImage', { InstanceId: instanceId, Name: name, NoReboot: true, DryRun: true })
  const register = (name: string) =>
    api.lab.call('RegisterImage', {
      Name: name,
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: api.snapshotId } }],
      DryRun: true,
    })
  const build = (name: string) => api.lab.call('KilnBuildImage', { Recipe: 'nano', Name: name })
  const importFile = (name: string) => api.lab.call('KilnImportImage', { Source: '/dev/null', Name: name })
  const imagesPresent = (await api.lab.call('DescribeImages', { Owners: ['self'] })).Images?.length ?? 0
  for (let number = imagesPresent; number < 4; number++) await copy(`image ${number}`)
  for (const make of [copy, create, register, build, importFile])
    expect(await codeOf(make('one more'))).toBe('ResourceLimitExceeded')

  // An image goes and its snapshot stays.
  const { Images: images } = await api.lab.call('DescribeImages', { Filters: [{ Name: 'name', Values: ['image 3'] }] })
  await api.lab.call('DeregisterImage', { ImageId: images?.[0]?.ImageId ?? '' })
  for (;;) {
    const { ImageId: id = '' } = await copy('gone')
    await api.lab.call('DeregisterImage', { ImageId: id })
    const { Snapshots: snapshots } = await api.lab.call('DescribeSnapshots', { OwnerIds: ['self'] })
    if (snapshots?.length === 6) break
  }
  for (const make of [copy, create, build, importFile])
    expect(await codeOf(make('one more'))).toBe('SnapshotLimitExceeded')
  expect(await codeOf(register('one more'))).toBe('DryRunOperation')
  await api.lab.call('TerminateInstances', { InstanceIds: [instanceId] })
})
