import * as sdk from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { codeOf, ec2As, makeKey, otherAccount } from './credentials.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

describe('what belongs to one account', () => {
  test('is not there for another', async () => {
    const stranger = ec2As(api, await makeKey(api, { AccountId: otherAccount }))
    const { Vpcs: theirs } = await stranger.send(new sdk.DescribeVpcsCommand({}))
    const { Vpcs: ours } = await api.lab.call('DescribeVpcs', {})
    expect(theirs?.map(({ OwnerId }) => OwnerId)).toEqual([otherAccount])
    const vpcId = ours?.[0]?.VpcId ?? ''
    const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {})
    const { SecurityGroups: groups } = await api.lab.call('DescribeSecurityGroups', {})
    const groupId = groups?.[0]?.GroupId ?? ''
    const theirGroups = await stranger.send(new sdk.DescribeSecurityGroupsCommand({}))
    const peer = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: groupId }] }
    const launch = { ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 }
    const refusals = {
      vpc: await codeOf(stranger.send(new sdk.DescribeVpcsCommand({ VpcIds: [vpcId] }))),
      subnet: await codeOf(
        stranger.send(new sdk.DescribeSubnetsCommand({ SubnetIds: [subnets?.[0]?.SubnetId ?? ''] })),
      ),
      image: await codeOf(stranger.send(new sdk.DescribeImagesCommand({ ImageIds: [api.imageId] }))),
      snapshot: await codeOf(stranger.send(new sdk.DescribeSnapshotsCommand({ SnapshotIds: [api.snapshotId] }))),
      group: await codeOf(stranger.send(new sdk.DescribeSecurityGroupsCommand({ GroupIds: [groupId] }))),
      groupInVpc: await codeOf(
        stranger.send(new sdk.CreateSecurityGroupCommand({ GroupName: 'g', Description: 'g', VpcId: vpcId })),
      ),
      peerGroup: await codeOf(
        stranger.send(
          new sdk.AuthorizeSecurityGroupIngressCommand({
            GroupId: theirGroups.SecurityGroups?.[0]?.GroupId,
            IpPermissions: [peer],
          }),
        ),
      ),
      launch: await codeOf(stranger.send(new sdk.RunInstancesCommand(launch))),
      tag: await codeOf(
        stranger.send(new sdk.CreateTagsCommand({ Resources: [vpcId], Tags: [{ Key: 'a', Value: 'b' }] })),
      ),
      snapshotAsImage: await codeOf(
        stranger.send(
          new sdk.RegisterImageCommand({
            Name: 'stolen',
            RootDeviceName: '/dev/xvda',
            BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: api.snapshotId } }],
          }),
        ),
      ),
    }
    expect(refusals).toEqual({
      vpc: 'InvalidVpcID.NotFound',
      subnet: 'InvalidSubnetID.NotFound',
      image: 'InvalidAMIID.NotFound',
      snapshot: 'InvalidSnapshot.NotFound',
      group: 'InvalidGroup.NotFound',
      groupInVpc: 'InvalidVpcID.NotFound',
      peerGroup: 'InvalidGroup.NotFound',
      launch: 'InvalidAMIID.NotFound',
      tag: 'InvalidVpcID.NotFound',
      snapshotAsImage: 'InvalidSnapshot.NotFound',
    })
    expect((await stranger.send(new sdk.DescribeTagsCommand({}))).Tags).toEqual([])
  })

  test('has its own key pairs and default VPC in each region, under the same names', async () => {
    const key = await makeKey(api)
    const inRegion = (region: string) =>
      new sdk.EC2Client({ region, endpoint: api.endpointUrl, credentials: key, maxAttempts: 1 })
    const vpcs = []
    for (const region of ['eu-west-1', 'ap-east-1']) {
      const client = inRegion(region)
      await client.send(new sdk.CreateKeyPairCommand({ KeyName: 'same' }))
      const { Vpcs: found } = await client.send(new sdk.DescribeVpcsCommand({}))
      vpcs.push(...(found ?? []).map(({ VpcId }) => VpcId))
      const { KeyPairs: pairs } = await client.send(new sdk.DescribeKeyPairsCommand({}))
      expect(pairs?.map(({ KeyName }) => KeyName)).toEqual(['same'])
    }
    expect(new Set(vpcs).size).toBe(2)
  })

  test('is reached over the socket by --account, which does not invent accounts', async () => {
    const { AccessKeyId } = (
      JSON.parse((await api.lab.kiln('access-key', 'create', '--account', '555555555555', '-o', 'json')).stdout) as {
        AccessKey: { AccessKeyId: string }
      }
    ).AccessKey
    const env = JSON.parse(
      (await api.lab.kiln('env', '--shell', 'json', '--account', '555555555555')).stdout,
    ) as Record<string, string>
    expect(env['AWS_ACCESS_KEY_ID']).toBe(AccessKeyId)
    expect(await api.lab.kiln('key', 'create', 'theirs', '--account', '555555555555')).toMatchObject({ exitCode: 0 })
    expect((await api.lab.call('DescribeKeyPairs', {})).KeyPairs).toEqual([])
    expect(await api.lab.kiln('ls', '--account', '999999999999')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('There is no account 999999999999') as string,
    })
  })
})

test('every region is there and opted into where AWS wants that, with three zones in one group', async () => {
  const regions = async (input: object) => (await api.lab.call('DescribeRegions', input)).Regions ?? []
  const statuses = Object.fromEntries(
    (await regions({})).map(({ RegionName, OptInStatus }) => [RegionName, OptInStatus]),
  )
  expect(statuses).toMatchObject({ 'us-east-1': 'opt-in-not-required', 'ap-east-1': 'opted-in' })
  expect(await regions({ Filters: [{ Name: 'opt-in-status', Values: ['not-opted-in'] }] })).toEqual([])
  const zones = async () => {
    const Filters = [{ Name: 'group-name', Values: ['us-east-1-zg-1'] }]
    const { AvailabilityZones: found } = await api.lab.call('DescribeAvailabilityZones', { Filters })
    return found?.map(({ ZoneName, GroupLongName, OptInStatus }) => `${ZoneName} ${GroupLongName} ${OptInStatus}`)
  }
  const group = 'US East (N. Virginia) 1'
  expect(await zones()).toEqual(['a', 'b', 'c'].map((letter) => `us-east-1${letter} ${group} opt-in-not-required`))
  const optIn = { GroupName: 'us-east-1-zg-1', OptInStatus: 'opted-in' as const }
  expect(await api.lab.call('ModifyAvailabilityZoneGroup', optIn)).toEqual({ Return: true })
  expect(await zones()).toEqual(['a', 'b', 'c'].map((letter) => `us-east-1${letter} ${group} opted-in`))
  await expect(api.lab.call('ModifyAvailabilityZoneGroup', { ...optIn, OptInStatus: 'not-opted-in' })).rejects.toThrow(
    'InvalidParameterValue',
  )
})

test('an account tells what it has and may have, and that its ids are long', async () => {
  const { AccountAttributes: attributes } = await api.lab.call('DescribeAccountAttributes', {})
  const told = attributes?.map(({ AttributeName, AttributeValues }) => [
    AttributeName,
    AttributeValues?.[0]?.AttributeValue,
  ])
  const { Vpcs: vpcs } = await api.lab.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  expect(Object.fromEntries(told ?? [])).toMatchObject({
    'supported-platforms': 'VPC',
    'default-vpc': vpcs?.[0]?.VpcId,
    'max-elastic-ips': '5',
    'vpc-max-security-groups-per-interface': '5',
  })
  expect(await api.lab.call('DescribeIdFormat', { Resource: 'volume' })).toEqual({
    Statuses: [{ Resource: 'volume', UseLongIds: true }],
  })
})
