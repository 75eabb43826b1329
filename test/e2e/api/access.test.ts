import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import * as sdk from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { sendRaw, type SigningKey } from './raw-query.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const account = '123456789012'
const otherAccount = '210987654321'

/** Credentials as the SDK wants them. */
interface Credentials extends SigningKey {
  readonly sessionToken?: string
}

async function makeKey(input: { AccountId?: string; IsReadOnly?: boolean } = {}): Promise<SigningKey> {
  const { AccessKey: made } = await api.lab.call('KilnCreateAccessKey', input)
  return { accessKeyId: made.AccessKeyId, secretAccessKey: made.SecretAccessKey }
}

const ec2As = (credentials: Credentials) =>
  new sdk.EC2Client({ region: 'us-east-1', endpoint: api.endpointUrl, credentials, maxAttempts: 1 })
const stsAs = (credentials: Credentials) =>
  new sts.STSClient({ region: 'us-east-1', endpoint: api.endpointUrl, credentials, maxAttempts: 1 })

function credentialsOf({ Credentials: given }: { Credentials?: sts.Credentials | undefined }): Credentials {
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken: sessionToken = '',
  } = given ?? {}
  return { accessKeyId, secretAccessKey, sessionToken }
}

/** The error's code; undefined when there was none. */
async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

const look = (credentials: Credentials) => codeOf(ec2As(credentials).send(new sdk.DescribeVpcsCommand({})))
const identify = (credentials: Credentials) => codeOf(stsAs(credentials).send(new sts.GetCallerIdentityCommand({})))

async function runAws(credentials: Credentials, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await execa('/usr/bin/aws', ['--endpoint-url', api.endpointUrl, '--output', 'json', ...args], {
    env: {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    },
  })
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('an access key', () => {
  test('is refused while it is disabled and for good once it is deleted, as if it had never been', async () => {
    const key = await makeKey()
    const both = async () => [await look(key), await identify(key)]
    expect(await both()).toEqual([undefined, undefined])
    await api.lab.call('KilnDisableAccessKey', { AccessKeyId: key.accessKeyId })
    expect(await both()).toEqual(['AuthFailure', 'InvalidClientTokenId'])
    await api.lab.call('KilnEnableAccessKey', { AccessKeyId: key.accessKeyId })
    expect(await both()).toEqual([undefined, undefined])
    await api.lab.call('KilnDeleteAccessKey', { AccessKeyId: key.accessKeyId })
    expect(await both()).toEqual(['AuthFailure', 'InvalidClientTokenId'])
    await expect(api.lab.call('KilnEnableAccessKey', { AccessKeyId: key.accessKeyId })).rejects.toThrow('NoSuchEntity')
  })

  test('tells its secret when it is made and never again', async () => {
    const key = await makeKey()
    const { AccessKeys: keys } = await api.lab.call('KilnDescribeAccessKeys', {})
    expect(keys.find(({ AccessKeyId }) => AccessKeyId === key.accessKeyId)).toMatchObject({
      AccountId: account,
      State: 'enabled',
      IsReadOnly: false,
    })
    expect(JSON.stringify(keys)).not.toContain(key.secretAccessKey)
  })

  test('that is read-only may ask for everything and change nothing, not even by way of temporary credentials', async () => {
    const key = await makeKey({ IsReadOnly: true })
    const { Credentials: session } = await stsAs(key).send(new sts.GetSessionTokenCommand({}))
    const role = await stsAs(key).send(
      new sts.AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/admin`, RoleSessionName: 'me' }),
    )
    for (const credentials of [key, credentialsOf({ Credentials: session }), credentialsOf(role)]) {
      expect(await look(credentials)).toBeUndefined()
      const creating = ec2As(credentials).send(new sdk.CreateKeyPairCommand({ KeyName: 'read-only' }))
      await expect(creating).rejects.toMatchObject({
        name: 'UnauthorizedOperation',
        message: expect.stringContaining('ec2:CreateKeyPair') as string,
        $metadata: { httpStatusCode: 403 },
      })
      const trying = ec2As(credentials).send(new sdk.CreateKeyPairCommand({ KeyName: 'read-only', DryRun: true }))
      expect(await codeOf(trying)).toBe('UnauthorizedOperation')
    }
    expect((await api.lab.call('DescribeKeyPairs', {})).KeyPairs).toEqual([])
  })
})

describe('temporary credentials', () => {
  test('of a session stand for the owner of the account until their key is disabled', async () => {
    const key = await makeKey()
    const session = credentialsOf(await runAws(key, 'sts', 'get-session-token', '--duration-seconds', '900'))
    expect(session.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/)
    expect(await runAws(session, 'sts', 'get-caller-identity')).toEqual({
      UserId: account,
      Account: account,
      Arn: `arn:aws:iam::${account}:root`,
    })
    expect(await codeOf(stsAs(session).send(new sts.GetSessionTokenCommand({})))).toBe('AccessDenied')
    expect(await look(session)).toBeUndefined()
    await api.lab.call('KilnDisableAccessKey', { AccessKeyId: key.accessKeyId })
    expect([await look(session), await identify(session)]).toEqual(['AuthFailure', 'InvalidClientTokenId'])
  })

  test('of a role stand for that role, and for another one that it assumes', async () => {
    const assume = async (credentials: Credentials, role: string, seconds?: number) =>
      await stsAs(credentials).send(
        new sts.AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${account}:role/${role}`,
          RoleSessionName: 'alice@example',
          DurationSeconds: seconds,
        }),
      )
    const first = await assume(await makeKey(), 'teams/deploy', 43_200)
    expect(first.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${account}:assumed-role/deploy/alice@example`)
    expect(first.Credentials?.Expiration?.getTime()).toBeGreaterThan(Date.now() + 42_000_000)
    expect(await runAws(credentialsOf(first), 'sts', 'get-caller-identity')).toEqual({
      UserId: first.AssumedRoleUser?.AssumedRoleId,
      Account: account,
      Arn: first.AssumedRoleUser?.Arn,
    })
    expect(first.AssumedRoleUser?.AssumedRoleId).toMatch(/^AROA[A-Z2-7]{17}:alice@example$/)
    const second = await assume(credentialsOf(first), 'audit')
    const identity = await stsAs(credentialsOf(second)).send(new sts.GetCallerIdentityCommand({}))
    expect(identity.Arn).toBe(`arn:aws:sts::${account}:assumed-role/audit/alice@example`)
    expect(await codeOf(assume(credentialsOf(first), 'audit', 7200))).toBe('ValidationError')
  })

  test.each<[string, Partial<sts.AssumeRoleCommandInput>, string]>([
    ['another account', { RoleArn: `arn:aws:iam::${otherAccount}:role/admin` }, 'AccessDenied'],
    ['what is no role', { RoleArn: `arn:aws:iam::${account}:user/admin` }, 'ValidationError'],
    ['a session without a name', { RoleSessionName: 'x' }, 'ValidationError'],
    ['a second', { DurationSeconds: 1 }, 'ValidationError'],
    ['a day', { DurationSeconds: 86_400 }, 'ValidationError'],
    ['less than the role may do', { Policy: '{}' }, 'UnsupportedOperation'],
    ['tags', { Tags: [{ Key: 'a', Value: 'b' }] }, 'UnsupportedOperation'],
  ])('are not given out for a role of %s', async (_what, more, code) => {
    const role = `arn:aws:iam::${account}:role/admin`
    const asking = stsAs(api.key).send(new sts.AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'me', ...more }))
    expect(await codeOf(asking)).toBe(code)
  })

  test('are refused with another token, another secret and no token', async () => {
    const mine = credentialsOf(await stsAs(api.key).send(new sts.GetSessionTokenCommand({})))
    const other = credentialsOf(await stsAs(api.key).send(new sts.GetSessionTokenCommand({})))
    const { accessKeyId, secretAccessKey, sessionToken = '' } = mine
    const forged = Buffer.from(sessionToken, 'base64')
    forged[forged.length - 3] = (forged.at(-3) ?? 0) ^ 1
    const wrong: Credentials[] = [
      { accessKeyId, secretAccessKey },
      { ...mine, sessionToken: other.sessionToken ?? '' },
      { ...mine, sessionToken: forged.toString('base64') },
      { ...mine, secretAccessKey: other.secretAccessKey },
      { ...api.key, sessionToken },
    ]
    for (const credentials of wrong) expect(await look(credentials)).toBe('AuthFailure')
  })
})

describe('what belongs to one account', () => {
  test('is not there for another', async () => {
    const stranger = ec2As(await makeKey({ AccountId: otherAccount }))
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
    const key = await makeKey()
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

describe('the audit log', () => {
  const entriesOf = async (operation: string) =>
    (await api.lab.call('KilnDescribeAuditLog', { Operation: operation })).Entries

  test('has who did what from where, and without secrets', async () => {
    const key = await makeKey()
    const role = credentialsOf(
      await stsAs(key).send(
        new sts.AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/deploy`, RoleSessionName: 'bob' }),
      ),
    )
    await ec2As(role).send(new sdk.CreateKeyPairCommand({ KeyName: 'audited' }))
    const [made] = await entriesOf('CreateKeyPair').then((entries) => entries.slice(-1))
    expect(made).toMatchObject({
      AccountId: account,
      Region: 'us-east-1',
      Arn: `arn:aws:sts::${account}:assumed-role/deploy/bob`,
      AccessKeyId: role.accessKeyId,
      Source: 'query',
      SourceAddress: '127.0.0.1',
      Parameters: { KeyName: 'audited' },
      ResourceIds: [expect.stringMatching(/^key-/) as string],
    })
    expect(made?.Error).toBeUndefined()
    expect((await entriesOf('AssumeRole')).at(-1)).toMatchObject({
      Arn: `arn:aws:iam::${account}:root`,
      AccessKeyId: key.accessKeyId,
    })
    const userData = Buffer.from('password=hunter2').toString('base64')
    const launch = { ImageId: 'ami-00000000000000000', MinCount: 1, MaxCount: 1, UserData: userData }
    expect(await codeOf(ec2As(key).send(new sdk.RunInstancesCommand(launch)))).toBe('InvalidAMIID.NotFound')
    expect((await entriesOf('RunInstances')).at(-1)).toMatchObject({
      Parameters: { ImageId: 'ami-00000000000000000', UserData: '(withheld)' },
      Error: { Code: 'InvalidAMIID.NotFound' },
    })
    const everything = JSON.stringify((await api.lab.call('KilnDescribeAuditLog', {})).Entries)
    for (const secret of [userData, role.secretAccessKey, key.secretAccessKey, 'PRIVATE KEY']) {
      expect(everything).not.toContain(secret)
    }
  })

  test('has what was refused and what was only tried, and nothing of what changes nothing', async () => {
    const key = await makeKey({ IsReadOnly: true })
    await codeOf(ec2As(key).send(new sdk.DeleteVpcCommand({ VpcId: 'vpc-00000000000000000' })))
    await codeOf(ec2As(key).send(new sdk.DescribeVpcsCommand({})))
    await codeOf(
      ec2As(api.key).send(new sdk.CreateTagsCommand({ DryRun: true, Resources: [api.imageId], Tags: [{ Key: 'k' }] })),
    )
    const { Entries: entries } = await api.lab.call('KilnDescribeAuditLog', {})
    const mine = entries.filter(({ AccessKeyId }) => AccessKeyId === key.accessKeyId)
    expect(mine.every(({ Error: error }) => error !== undefined)).toBe(true)
    expect((await entriesOf('CreateTags')).at(-1)?.Error?.Code).toBe('DryRunOperation')
    expect(entries.some(({ Operation }) => Operation.startsWith('Describe'))).toBe(false)
  })

  test('has what comes over the socket, and kiln audit shows it', async () => {
    await api.lab.call('CreateKeyPair', { KeyName: 'by-socket' })
    const { stdout } = await api.lab.kiln('audit', '--operation', 'CreateKeyPair', '--tail', '1', '-o', 'json')
    expect(JSON.parse(stdout)).toMatchObject({
      Operation: 'CreateKeyPair',
      Source: 'socket',
      Arn: `arn:aws:iam::${account}:root`,
      Parameters: { KeyName: 'by-socket' },
    })
    const table = await api.lab.kiln('audit', '--operation', 'CreateKeyPair', '--tail', '1')
    expect(table.stdout).toMatch(
      / ok {2}CreateKeyPair {2}us-east-1 {2}arn:aws:iam::123456789012:root {2}socket {2}key-/,
    )
  })

  test('is followed until Ctrl-C', async () => {
    const [program, ...rest] = api.lab.kilnArgv
    await api.lab.call('DeleteKeyPair', { KeyName: 'before' })
    const following = spawn(program, [...rest, 'audit', '-f', '--operation', 'DeleteKeyPair', '-o', 'json'])
    const ended = once(following, 'exit')
    const seen: string[] = []
    for await (const line of createInterface(following.stdout)) {
      seen.push((JSON.parse(line) as { Parameters: { KeyName: string } }).Parameters.KeyName)
      if (seen.length > 1) break
      await api.lab.call('DeleteKeyPair', { KeyName: 'after' })
    }
    following.kill('SIGINT')
    expect([seen, await ended]).toEqual([
      ['before', 'after'],
      [130, null],
    ])
  })
})

test('a presigned URL with a session token is as good as its signature', async () => {
  const session = credentialsOf(await stsAs(api.key).send(new sts.GetSessionTokenCommand({})))
  const parameters = 'Action=DescribeRegions&Version=2016-11-15'
  const ask = (key: Credentials) =>
    sendRaw(api.endpointUrl, { parameters, key, method: 'GET', expiresSeconds: 60, ...sessionOf(key) })
  expect((await ask(session)).status).toBe(200)
  expect((await ask({ ...session, sessionToken: 'AAAA' })).code).toBe('AuthFailure')
})

function sessionOf({ sessionToken }: Credentials): { sessionToken?: string } {
  return sessionToken === undefined ? {} : { sessionToken }
}
