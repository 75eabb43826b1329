import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readdir, rename } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, refusalOfSocket, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  // Room for two machines of two processors, whatever the host.
  api = await openApiLab(`capacity:\n  vCpuOvercommit: ${4.001 / availableParallelism()}\n`)
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const small = () => ({ ImageId: api.imageId, InstanceType: 't3.nano' as const })

async function describeOne(instanceId: string) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', { InstanceIds: [instanceId] })
  const instance = found?.[0]?.Instances?.[0]
  if (!instance) throw new Error(`${instanceId} is not there`)
  return instance
}

async function terminate(...instanceIds: string[]): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: instanceIds })
  for (const id of instanceIds) await waitForState(api, id, 'terminated')
}

describe('key pairs', () => {
  test('have the fingerprints that EC2 documents for made and imported keys', async () => {
    const made = await api.lab.call('CreateKeyPair', { KeyName: 'made' })
    const der = createPrivateKey(made.KeyMaterial ?? '').export({ type: 'pkcs8', format: 'der' })
    expect(made.KeyFingerprint?.replaceAll(':', '')).toBe(createHash('sha1').update(der).digest('hex'))

    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    // EC2's `PublicKeyMaterial` of DER is base64 text, which the parameter's own base64 wraps.
    const material = Buffer.from(spki.toString('base64')).toString('base64')
    const imported = await api.lab.call('ImportKeyPair', {
      KeyName: 'imported',
      PublicKeyMaterial: material as unknown as Uint8Array,
    })
    expect(imported.KeyFingerprint?.replaceAll(':', '')).toBe(createHash('md5').update(spki).digest('hex'))

    const ed25519 = await api.lab.call('CreateKeyPair', { KeyName: 'ed', KeyType: 'ed25519' })
    const { KeyPairs: told } = await api.lab.call('DescribeKeyPairs', { KeyNames: ['ed'], IncludePublicKey: true })
    const [, blob = '', comment] = told?.[0]?.PublicKey?.split(' ') ?? []
    expect([comment, ed25519.KeyFingerprint]).toEqual([
      'ed',
      createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64'),
    ])
  })

  test('are deleted once and no error twice, and a name with ../ is a name and no path', async () => {
    const before = (await readdir(api.lab.home, { recursive: true })).length
    const { KeyPairId: id } = await api.lab.call('CreateKeyPair', { KeyName: '../../$(id);x' })
    expect(await api.lab.call('DeleteKeyPair', { KeyName: '../../$(id);x' })).toEqual({ Return: true, KeyPairId: id })
    expect(await api.lab.call('DeleteKeyPair', { KeyName: '../../$(id);x' })).toEqual({ Return: true })
    expect((await readdir(api.lab.home, { recursive: true })).length).toBe(before)
  })
})

describe('key pairs that are looked for', () => {
  const namesOf = async (input: object) =>
    (await api.lab.call('DescribeKeyPairs', input)).KeyPairs?.map(({ KeyName: name }) => name)

  test('are found by name, by id, and by each filter', async () => {
    const TagSpecifications = [{ ResourceType: 'key-pair' as const, Tags: [{ Key: 'team', Value: 'a*b' }] }]
    const one = await api.lab.call('CreateKeyPair', { KeyName: 'find one', KeyType: 'ed25519', TagSpecifications })
    await api.lab.call('CreateKeyPair', { KeyName: 'find two', KeyType: 'ed25519' })
    expect(await namesOf({ KeyNames: ['find two'], KeyPairIds: [one.KeyPairId] })).toEqual(['find two', 'find one'])
    for (const [name, value] of [
      ['key-pair-id', one.KeyPairId ?? ''],
      ['fingerprint', one.KeyFingerprint ?? ''],
      ['key-name', 'find o?e'],
      ['tag-key', 'team'],
      ['tag:team', 'a\\*b'],
    ] as const) {
      expect([name, await namesOf({ Filters: [{ Name: name, Values: [value] }] })]).toEqual([name, ['find one']])
    }
    expect(await refusalOfSdk(api, 'DescribeKeyPairs', { KeyNames: ['find one', 'lost'] })).toEqual({
      code: 'InvalidKeyPair.NotFound',
      message: "The key pair 'lost' does not exist",
    })
  })
})

describe('a launch', () => {
  test('takes what Terraform and the launch wizards send, and tells it again', async () => {
    const { Instances: launched } = await api.lab.call('RunInstances', {
      ...small(),
      MinCount: 1,
      MaxCount: 1,
      InstanceInitiatedShutdownBehavior: 'terminate',
      EbsOptimized: false,
      Monitoring: { Enabled: false },
      MetadataOptions: {
        HttpTokens: 'required',
        HttpPutResponseHopLimit: 2,
        HttpEndpoint: 'enabled',
        HttpProtocolIpv6: 'disabled',
      },
      CreditSpecification: { CpuCredits: 'standard' },
      CapacityReservationSpecification: { CapacityReservationPreference: 'none' },
      CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 },
      EnclaveOptions: { Enabled: false },
      HibernationOptions: { Configured: false },
      MaintenanceOptions: { AutoRecovery: 'disabled' },
      PrivateDnsNameOptions: {
        HostnameType: 'ip-name',
        EnableResourceNameDnsARecord: true,
        EnableResourceNameDnsAAAARecord: false,
      },
      NetworkInterfaces: [
        { DeviceIndex: 0, AssociatePublicIpAddress: false, Description: 'only one', DeleteOnTermination: true },
      ],
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/xvda',
          Ebs: { VolumeSize: 2, VolumeType: 'gp3', Iops: 3000, Throughput: 125, Encrypted: false },
        },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, DeleteOnTermination: false } },
      ],
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'web' }] }],
    })
    const id = launched?.[0]?.InstanceId ?? ''
    expect(launched?.[0]?.StateReason).toEqual({ Code: 'pending', Message: 'pending' })
    await waitForState(api, id, 'running')
    expect(await describeOne(id)).toMatchObject({
      MetadataOptions: { State: 'applied', HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      CapacityReservationSpecification: { CapacityReservationPreference: 'none' },
      CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 },
      MaintenanceOptions: { AutoRecovery: 'disabled' },
      Placement: { AvailabilityZone: 'us-east-1a', AvailabilityZoneId: 'use1-az1', Tenancy: 'default' },
      NetworkInterfaces: [{ Description: 'only one', Attachment: { DeviceIndex: 0, DeleteOnTermination: true } }],
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda' }, { DeviceName: '/dev/sdf' }],
      Tags: [{ Key: 'Name', Value: 'web' }],
    })
    const credits = await api.lab.call('DescribeInstanceCreditSpecifications', { InstanceIds: [id] })
    expect(credits.InstanceCreditSpecifications).toEqual([{ InstanceId: id, CpuCredits: 'standard' }])

    // What only a stopped instance allows, and what protects one.
    const userData = { InstanceId: id, UserData: { Value: 'aGk=' } }
    const notStopped = {
      code: 'IncorrectInstanceState',
      message: `The instance '${id}' is not in the 'stopped' state.`,
    }
    expect(await refusalOfSocket(api, 'ModifyInstanceAttribute', userData)).toEqual(notStopped)
    const otherType = { InstanceId: id, InstanceType: { Value: 't3.micro' } }
    expect(await refusalOfSdk(api, 'ModifyInstanceAttribute', otherType)).toEqual(notStopped)
    await api.lab.call('ModifyInstanceAttribute', { InstanceId: id, DisableApiTermination: { Value: true } })
    expect(await refusalOfSdk(api, 'TerminateInstances', { InstanceIds: [id] })).toEqual({
      code: 'OperationNotPermitted',
      message: `The instance '${id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    })
    await api.lab.call('ModifyInstanceAttribute', {
      InstanceId: id,
      Attribute: 'disableApiTermination',
      Value: 'FALSE',
    })
    await api.lab.call('ModifyInstanceAttribute', {
      InstanceId: id,
      BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { DeleteOnTermination: true } }],
    })
    await terminate(id)
    expect(await refusalOfSdk(api, 'StartInstances', { InstanceIds: [id] })).toEqual({
      code: 'IncorrectInstanceState',
      message: `The instance '${id}' is not in a state from which it can be started.`,
    })
    expect((await api.lab.call('DescribeVolumes', {})).Volumes).toEqual([])
  })

  test('is as large as the host allows between its limits, and the same for the same token', async () => {
    const request = { ...small(), MinCount: 1, MaxCount: 5, ClientToken: 'once' }
    const first = await api.lab.call('RunInstances', request)
    const ids = (first.Instances ?? []).map(({ InstanceId: id = '' }) => id)
    expect(ids).toHaveLength(2)
    expect((await api.lab.call('RunInstances', request)).ReservationId).toBe(first.ReservationId)
    expect(await refusalOfSdk(api, 'RunInstances', { ...request, MaxCount: 4 })).toMatchObject({
      code: 'IdempotentParameterMismatch',
    })
    expect(await refusalOfSdk(api, 'RunInstances', { ...small(), MinCount: 1, MaxCount: 1 })).toMatchObject({
      code: 'InsufficientInstanceCapacity',
      message: expect.stringContaining('This host has room for 0 more instances of type t3.nano') as string,
    })
    await terminate(...ids)
  })

  test('that fails after its answer ends terminated with its reason and leaves nothing', async () => {
    const layers = join(api.lab.home, 'layers')
    await rename(layers, `${layers}.away`)
    try {
      const { Instances: launched } = await api.lab.call('RunInstances', { ...small(), MinCount: 1, MaxCount: 1 })
      const id = launched?.[0]?.InstanceId ?? ''
      await waitForState(api, id, 'terminated')
      expect((await describeOne(id)).StateReason?.Code).toBe('Server.InternalError')
    } finally {
      await rename(`${layers}.away`, layers)
    }
    expect((await api.lab.call('DescribeVolumes', {})).Volumes).toEqual([])
    expect(await readdir(join(api.lab.home, 'volumes'))).toEqual([])
    const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {})
    expect(subnets?.map(({ AvailableIpAddressCount: free }) => free)).toEqual([4091, 4091, 4091])
  })
})

test('a security group that another one names, or an instance has, is not deleted', async () => {
  const create = async (GroupName: string) =>
    (await api.lab.call('CreateSecurityGroup', { GroupName, Description: 'd' })).GroupId ?? ''
  const [named, naming] = [await create('named'), await create('naming')]
  const IpPermissions = [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: named }] }]
  await api.lab.call('AuthorizeSecurityGroupIngress', { GroupId: naming, IpPermissions })
  const inUse = { code: 'DependencyViolation', message: `resource ${named} has a dependent object` }
  expect(await refusalOfSdk(api, 'DeleteSecurityGroup', { GroupId: named })).toEqual(inUse)
  const { SecurityGroups: groups } = await api.lab.call('DescribeSecurityGroups', { GroupIds: [naming] })
  // What was told may be handed back as it is.
  const told = groups?.[0]?.IpPermissions ?? []
  await api.lab.call('RevokeSecurityGroupIngress', { GroupId: naming, IpPermissions: told })
  const { Instances: launched } = await api.lab.call('RunInstances', {
    ...small(),
    MinCount: 1,
    MaxCount: 1,
    SecurityGroupIds: [named],
  })
  expect(await refusalOfSdk(api, 'DeleteSecurityGroup', { GroupId: named })).toEqual(inUse)
  await terminate(launched?.[0]?.InstanceId ?? '')
  await api.lab.call('DeleteSecurityGroup', { GroupId: named })
  await api.lab.call('DeleteSecurityGroup', { GroupId: naming })
})

test('tags come and go on several resources at once, those with a value only when it is theirs', async () => {
  const Resources = [api.imageId, api.snapshotId]
  await api.lab.call('CreateTags', {
    Resources,
    Tags: [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '' },
    ],
  })
  await api.lab.call('DeleteTags', { Resources, Tags: [{ Key: 'a', Value: '2' }, { Key: 'b' }] })
  const { Tags: tags } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'tag:a', Values: ['1'] }] })
  expect(tags).toEqual([
    { Key: 'a', Value: '1', ResourceId: api.imageId, ResourceType: 'image' },
    { Key: 'a', Value: '1', ResourceId: api.snapshotId, ResourceType: 'snapshot' },
  ])
  await api.lab.call('DeleteTags', { Resources })
  const left = await api.lab.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: Resources }] })
  expect(left.Tags).toEqual([])
})

test('tags of EC2 itself are neither put nor taken away, and one resource that is not there keeps all others as they are', async () => {
  const reserved = {
    code: 'InvalidParameterValue',
    message: "Tag keys starting with 'aws:' are reserved for internal use",
  }
  const Tags = [{ Key: 'AWS:a', Value: 'x' }]
  expect(await refusalOfSdk(api, 'CreateTags', { Resources: [api.imageId], Tags })).toEqual(reserved)
  expect(await refusalOfSdk(api, 'DeleteTags', { Resources: [api.imageId], Tags })).toEqual(reserved)
  expect(
    await refusalOfSdk(api, 'CreateKeyPair', { KeyName: 'k', TagSpecifications: [{ ResourceType: 'key-pair', Tags }] }),
  ).toEqual(reserved)
  const Resources = [api.imageId, 'snap-0123456789abcdef0']
  expect(await refusalOfSdk(api, 'CreateTags', { Resources, Tags: [{ Key: 'a', Value: '1' }] })).toMatchObject({
    code: 'InvalidSnapshot.NotFound',
  })
  const { Tags: told } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'key', Values: ['a'] }] })
  expect(told).toEqual([])
})

test('a resource has fifty tags at most', async () => {
  const Tags = Array.from({ length: 50 }, (_, index) => ({ Key: `key${index}`, Value: '' }))
  await api.lab.call('CreateTags', { Resources: [api.imageId], Tags })
  await api.lab.call('CreateTags', { Resources: [api.imageId], Tags: [{ Key: 'key7', Value: 'changed' }] })
  const more = { Resources: [api.imageId], Tags: [{ Key: 'key50', Value: '' }] }
  expect(await refusalOfSdk(api, 'CreateTags', more)).toMatchObject({ code: 'TagLimitExceeded' })
  await api.lab.call('DeleteTags', { Resources: [api.imageId], Tags: [{ Key: 'key7', Value: '' }] })
  const { Tags: kept } = await api.lab.call('DescribeTags', { Filters: [{ Name: 'value', Values: ['changed'] }] })
  expect(kept).toEqual([{ Key: 'key7', Value: 'changed', ResourceId: api.imageId, ResourceType: 'image' }])
  await api.lab.call('DeleteTags', { Resources: [api.imageId] })
})
