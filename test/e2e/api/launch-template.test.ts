import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab('quotas:\n  launchTemplates: 6\n  launchTemplateVersions: 4\n')
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function create(name: string, data: object) {
  const made = await api.lab.call('CreateLaunchTemplate', { LaunchTemplateName: name, LaunchTemplateData: data })
  return made.LaunchTemplate?.LaunchTemplateId ?? ''
}

async function numbersOf(input: object) {
  const { LaunchTemplateVersions: versions } = await api.lab.call('DescribeLaunchTemplateVersions', input)
  return versions?.map(({ VersionNumber }) => VersionNumber)
}

async function launch(input: object) {
  const { Instances: launched } = await api.lab.call('RunInstances', { MinCount: 1, MaxCount: 1, ...input })
  const { Reservations: found } = await api.lab.call('DescribeInstances', {
    InstanceIds: [launched?.[0]?.InstanceId ?? ''],
  })
  const instance = found?.[0]?.Instances?.[0]
  if (!instance?.InstanceId) throw new Error('nothing was launched')
  return { ...instance, InstanceId: instance.InstanceId }
}

async function terminate(id: string): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: [id] })
  await waitForState(api, id, 'terminated')
}

describe('a launch template', () => {
  test('gives back exactly what it was given, with what no launch can honour as a warning', async () => {
    const data = {
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't3.nano' as const,
      KernelId: 'aki-01234567',
      UserData: 'IyEvYmluL3NoCg==',
      EbsOptimized: false,
      IamInstanceProfile: { Name: 'web' },
      Monitoring: { Enabled: true },
      InstanceMarketOptions: {
        MarketType: 'spot' as const,
        SpotOptions: { MaxPrice: '0.5', ValidUntil: new Date('2030-01-02T03:04:05.000Z') },
      },
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 3, VolumeType: 'gp3' as const } }],
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: ['sg-01234567'] }],
      TagSpecifications: [{ ResourceType: 'instance' as const, Tags: [{ Key: 'Name', Value: 'a "b" & <c>' }] }],
      MetadataOptions: { HttpTokens: 'required' as const, HttpPutResponseHopLimit: 2 },
      HibernationOptions: { Configured: true },
      EnclaveOptions: { Enabled: true },
    }
    const made = await api.lab.call('CreateLaunchTemplate', {
      LaunchTemplateName: 'exact',
      LaunchTemplateData: data,
      VersionDescription: 'first',
      TagSpecifications: [{ ResourceType: 'launch-template', Tags: [{ Key: 'team', Value: 'web' }] }],
    })
    expect(made.LaunchTemplate).toMatchObject({
      LaunchTemplateName: 'exact',
      CreatedBy: 'arn:aws:iam::123456789012:root',
      DefaultVersionNumber: 1,
      LatestVersionNumber: 1,
      Tags: [{ Key: 'team', Value: 'web' }],
    })
    expect(made.Warning?.Errors?.map(({ Message }) => Message)).toEqual([
      expect.stringContaining('KernelId'),
      expect.stringContaining('EnclaveOptions.Enabled'),
    ])
    const told = await api.lab.call('DescribeLaunchTemplateVersions', { LaunchTemplateName: 'exact' })
    expect(told.LaunchTemplateVersions?.[0]).toMatchObject({ VersionDescription: 'first', DefaultVersion: true })
    expect(told.LaunchTemplateVersions?.[0]?.LaunchTemplateData).toEqual(JSON.parse(JSON.stringify(data)))
    const byTag = await api.lab.call('DescribeLaunchTemplates', { Filters: [{ Name: 'tag:team', Values: ['w*'] }] })
    expect(byTag.LaunchTemplates?.map(({ LaunchTemplateName }) => LaunchTemplateName)).toEqual(['exact'])
    expect(await refusalOfSdk(api, 'RunInstances', run({ LaunchTemplateName: 'exact' }))).toMatchObject({
      code: 'UnsupportedOperation',
      message: expect.stringContaining('LaunchTemplateData.KernelId'),
    })
    await api.lab.call('DeleteLaunchTemplate', { LaunchTemplateName: 'exact' })
    expect((await api.lab.call('DescribeLaunchTemplates', {})).LaunchTemplates).toEqual([])
    const tags = await api.lab.call('DescribeTags', { Filters: [{ Name: 'key', Values: ['team'] }] })
    expect(tags.Tags).toEqual([])
  })

  test('has versions that are numbered once, the newest first, with a default that stays', async () => {
    const id = await create('versions', { InstanceType: 't3.nano', KeyName: 'k', Placement: { Tenancy: 'default' } })
    const add = async (more: { LaunchTemplateData: object; SourceVersion?: string }) =>
      api.lab.call('CreateLaunchTemplateVersion', { LaunchTemplateId: id, ...more })
    const second = await add({ SourceVersion: '$Default', LaunchTemplateData: { InstanceType: 't3.micro' } })
    expect(second.LaunchTemplateVersion).toMatchObject({
      VersionNumber: 2,
      DefaultVersion: false,
      LaunchTemplateData: { InstanceType: 't3.micro', KeyName: 'k', Placement: { Tenancy: 'default' } },
    })
    const third = await add({ LaunchTemplateData: { KeyName: 'other' } })
    expect(third.LaunchTemplateVersion?.LaunchTemplateData).toEqual({ KeyName: 'other' })

    const of = { LaunchTemplateId: id }
    expect(await numbersOf(of)).toEqual([3, 2, 1])
    expect(await numbersOf({ ...of, MinVersion: '2' })).toEqual([3, 2])
    expect(await numbersOf({ ...of, MaxVersion: '2' })).toEqual([2, 1])
    expect(await numbersOf({ ...of, Versions: ['$Latest', '$Default'] })).toEqual([3, 1])
    expect(await numbersOf({ Versions: ['$Latest'] })).toEqual([3])
    expect(await numbersOf({ ...of, Filters: [{ Name: 'instance-type', Values: ['t3.m*'] }] })).toEqual([2])
    expect(await numbersOf({ ...of, Filters: [{ Name: 'is-default-version', Values: ['true'] }] })).toEqual([1])
    const page = await api.lab.call('DescribeLaunchTemplateVersions', { ...of, MaxResults: 2 })
    expect(page.LaunchTemplateVersions?.map(({ VersionNumber }) => VersionNumber)).toEqual([3, 2])
    expect(await numbersOf({ ...of, NextToken: page.NextToken })).toEqual([1])

    const changed = await api.lab.call('ModifyLaunchTemplate', { ...of, DefaultVersion: '2' })
    expect(changed.LaunchTemplate).toMatchObject({ DefaultVersionNumber: 2, LatestVersionNumber: 3 })
    const deleted = await api.lab.call('DeleteLaunchTemplateVersions', { ...of, Versions: ['3', '2', '9'] })
    expect(deleted.SuccessfullyDeletedLaunchTemplateVersions).toEqual([
      { LaunchTemplateId: id, LaunchTemplateName: 'versions', VersionNumber: 3 },
    ])
    expect(
      deleted.UnsuccessfullyDeletedLaunchTemplateVersions?.map((item) => [
        item.VersionNumber,
        item.ResponseError?.Code,
      ]),
    ).toEqual([
      [2, 'unexpectedError'],
      [9, 'launchTemplateVersionDoesNotExist'],
    ])
    const fourth = await add({ LaunchTemplateData: { KeyName: 'again' } })
    expect(fourth.LaunchTemplateVersion?.VersionNumber).toBe(4)
    await add({ LaunchTemplateData: { KeyName: 'last' } })
    const tooMany = { ...of, LaunchTemplateData: { KeyName: 'more' } }
    expect(await refusalOfSdk(api, 'CreateLaunchTemplateVersion', tooMany)).toMatchObject({
      code: 'MaxTemplateVersionLimitExceeded',
    })
    expect(await refusalOfSdk(api, 'DescribeLaunchTemplateVersions', { ...of, Versions: ['3'] })).toEqual({
      code: 'InvalidLaunchTemplateId.VersionNotFound',
      message: `Could not find the specified version 3 for the launch template with ID ${id}.`,
    })
    await api.lab.call('DeleteLaunchTemplate', of)
  })

  test('is refused where it is named wrongly', async () => {
    const id = await create('once', { KeyName: 'k' })
    const refused: [string, object, string][] = [
      ['CreateLaunchTemplate', named('once'), 'InvalidLaunchTemplateName.AlreadyExistsException'],
      ['CreateLaunchTemplate', named('data', { UserData: '***' }), 'InvalidUserData.Malformed'],
      ['DeleteLaunchTemplate', { LaunchTemplateId: 'lt-xyz' }, 'InvalidLaunchTemplateId.Malformed'],
      ['DeleteLaunchTemplate', { LaunchTemplateId: 'lt-0123456789abcdef0' }, 'InvalidLaunchTemplateId.NotFound'],
      ['DeleteLaunchTemplate', { LaunchTemplateName: 'nobody' }, 'InvalidLaunchTemplateName.NotFoundException'],
      ['DeleteLaunchTemplate', { LaunchTemplateName: 'once', LaunchTemplateId: id }, 'InvalidParameterCombination'],
      ['DeleteLaunchTemplate', {}, 'MissingParameter'],
      ['DescribeLaunchTemplates', { LaunchTemplateNames: ['nobody'] }, 'InvalidLaunchTemplateName.NotFoundException'],
      ['DescribeLaunchTemplateVersions', { Versions: ['1'] }, 'InvalidParameterCombination'],
      [
        'ModifyLaunchTemplate',
        { LaunchTemplateId: id, DefaultVersion: '7' },
        'InvalidLaunchTemplateId.VersionNotFound',
      ],
      ['RunInstances', run({ LaunchTemplateId: id, Version: 'newest' }), 'InvalidLaunchTemplateVersion.Malformed'],
      ['RunInstances', run({ LaunchTemplateId: id, Version: '7' }), 'InvalidLaunchTemplateId.VersionNotFound'],
      ['RunInstances', run({ LaunchTemplateId: id }), 'MissingParameter'],
    ]
    for (const [operation, input, code] of refused) {
      expect([operation, await refusalOfSdk(api, operation, input)]).toEqual([
        operation,
        { code, message: expect.stringMatching(/./) },
      ])
    }
    await api.lab.call('DeleteLaunchTemplate', { LaunchTemplateId: id })
  })
})

const run = (LaunchTemplate: object) => ({ LaunchTemplate, MinCount: 1, MaxCount: 1 })
const named = (LaunchTemplateName: string, LaunchTemplateData: object = { KeyName: 'k' }) => ({
  LaunchTemplateName,
  LaunchTemplateData,
})

describe('a launch by a template', () => {
  test('takes what the request says over what the template says, and tells whence it came', async () => {
    const id = await create('merged', {
      ImageId: api.imageId,
      InstanceType: 't3.small',
      UserData: Buffer.from('from the template').toString('base64'),
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 5 },
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 2, DeleteOnTermination: false } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1 } },
        { DeviceName: '/dev/sdg', Ebs: { VolumeSize: 1 } },
      ],
      NetworkInterfaces: [{ DeviceIndex: 0, Description: 'of the template', AssociatePublicIpAddress: false }],
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: [
            { Key: 'Name', Value: 'template' },
            { Key: 'role', Value: 'web' },
          ],
        },
      ],
    })
    const instance = await launch({
      LaunchTemplate: { LaunchTemplateName: 'merged', Version: '$Latest' },
      InstanceType: 't3.nano',
      MetadataOptions: { HttpTokens: 'optional' },
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: true } },
        { DeviceName: '/dev/sdg', NoDevice: '' },
        { DeviceName: '/dev/sdh', Ebs: { VolumeSize: 1 } },
      ],
      NetworkInterfaces: [{ DeviceIndex: 0, Description: 'of the request' }],
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'request' }] }],
    })
    await waitForState(api, instance.InstanceId, 'running')
    const { Reservations: found } = await api.lab.call('DescribeInstances', {
      Filters: [{ Name: 'tag:aws:ec2launchtemplate:id', Values: [id] }],
    })
    const told = found?.[0]?.Instances?.[0]
    expect(told).toMatchObject({
      InstanceType: 't3.nano',
      MetadataOptions: { HttpTokens: 'optional', HttpPutResponseHopLimit: 5 },
      NetworkInterfaces: [{ Description: 'of the request' }],
      Tags: [
        { Key: 'Name', Value: 'request' },
        { Key: 'aws:ec2launchtemplate:id', Value: id },
        { Key: 'aws:ec2launchtemplate:version', Value: '1' },
        { Key: 'role', Value: 'web' },
      ],
    })
    expect(told?.PublicIpAddress).toBeUndefined()
    expect(told?.BlockDeviceMappings?.map((device) => [device.DeviceName, device.Ebs?.DeleteOnTermination])).toEqual([
      ['/dev/xvda', true],
      ['/dev/sdf', true],
      ['/dev/sdh', true],
    ])
    const { Volumes: volumes } = await api.lab.call('DescribeVolumes', {})
    expect(volumes?.map(({ Size }) => Size)).toEqual([2, 1, 1])
    const data = await api.lab.call('DescribeInstanceAttribute', {
      InstanceId: instance.InstanceId,
      Attribute: 'userData',
    })
    expect(Buffer.from(data.UserData?.Value ?? '', 'base64').toString()).toBe('from the template')

    await api.lab.call('DeleteTags', { Resources: [instance.InstanceId] })
    const { Tags: left } = await api.lab.call('DescribeTags', {
      Filters: [{ Name: 'resource-id', Values: [instance.InstanceId] }],
    })
    expect(left?.map(({ Key }) => Key)).toEqual(['aws:ec2launchtemplate:id', 'aws:ec2launchtemplate:version'])
    const reserved = { Resources: [instance.InstanceId], Tags: [{ Key: 'aws:ec2launchtemplate:id' }] }
    expect(await refusalOfSdk(api, 'DeleteTags', reserved)).toMatchObject({ code: 'InvalidParameterValue' })
    await api.lab.call('DeleteLaunchTemplate', { LaunchTemplateId: id })
    await terminate(instance.InstanceId)
  })

  test('can be had again from an instance', async () => {
    const first = await launch({
      ImageId: api.imageId,
      InstanceType: 't3.nano',
      DisableApiStop: true,
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'twin' }] }],
    })
    const { LaunchTemplateData: data } = await api.lab.call('GetLaunchTemplateData', {
      InstanceId: first.InstanceId,
    })
    await create('twin', data ?? {})
    const second = await launch({ LaunchTemplate: { LaunchTemplateName: 'twin' } })
    expect(second).toMatchObject({
      ImageId: first.ImageId,
      InstanceType: first.InstanceType,
      SubnetId: first.SubnetId,
      SecurityGroups: first.SecurityGroups,
      MetadataOptions: first.MetadataOptions,
      Tags: expect.arrayContaining([{ Key: 'Name', Value: 'twin' }]),
    })
    for (const { InstanceId } of [first, second]) {
      // Stop protection, which the template has told on, keeps from termination too.
      await api.lab.call('ModifyInstanceAttribute', { InstanceId, DisableApiStop: { Value: false } })
      await terminate(InstanceId)
    }
  })
})
