import * as sdk from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { account, codeOf, type Credentials, credentialsOf, ec2As, makeKey, otherAccount, stsAs } from './credentials.ts'
import { sendRaw } from './raw-query.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const look = (credentials: Credentials) => codeOf(ec2As(api, credentials).send(new sdk.DescribeVpcsCommand({})))
const identify = (credentials: Credentials) =>
  codeOf(stsAs(api, credentials).send(new sts.GetCallerIdentityCommand({})))

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
    const key = await makeKey(api)
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
    const key = await makeKey(api)
    const { AccessKeys: keys } = await api.lab.call('KilnDescribeAccessKeys', {})
    expect(keys.find(({ AccessKeyId }) => AccessKeyId === key.accessKeyId)).toMatchObject({
      AccountId: account,
      State: 'enabled',
      IsReadOnly: false,
    })
    expect(JSON.stringify(keys)).not.toContain(key.secretAccessKey)
  })

  test('that is read-only may ask for everything and change nothing, not even by way of temporary credentials', async () => {
    const key = await makeKey(api, { IsReadOnly: true })
    const { Credentials: session } = await stsAs(api, key).send(new sts.GetSessionTokenCommand({}))
    const role = await stsAs(api, key).send(
      new sts.AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/admin`, RoleSessionName: 'me' }),
    )
    for (const credentials of [key, credentialsOf({ Credentials: session }), credentialsOf(role)]) {
      expect(await look(credentials)).toBeUndefined()
      const creating = ec2As(api, credentials).send(new sdk.CreateKeyPairCommand({ KeyName: 'read-only' }))
      await expect(creating).rejects.toMatchObject({
        name: 'UnauthorizedOperation',
        message: expect.stringContaining('ec2:CreateKeyPair') as string,
        $metadata: { httpStatusCode: 403 },
      })
      const trying = ec2As(api, credentials).send(new sdk.CreateKeyPairCommand({ KeyName: 'read-only', DryRun: true }))
      expect(await codeOf(trying)).toBe('UnauthorizedOperation')
    }
    expect((await api.lab.call('DescribeKeyPairs', {})).KeyPairs).toEqual([])
  })
})

describe('temporary credentials', () => {
  test('of a session stand for the owner of the account until their key is disabled', async () => {
    const key = await makeKey(api)
    const session = credentialsOf(await runAws(key, 'sts', 'get-session-token', '--duration-seconds', '900'))
    expect(session.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/)
    expect(await runAws(session, 'sts', 'get-caller-identity')).toEqual({
      UserId: account,
      Account: account,
      Arn: `arn:aws:iam::${account}:root`,
    })
    expect(await codeOf(stsAs(api, session).send(new sts.GetSessionTokenCommand({})))).toBe('AccessDenied')
    expect(await look(session)).toBeUndefined()
    await api.lab.call('KilnDisableAccessKey', { AccessKeyId: key.accessKeyId })
    expect([await look(session), await identify(session)]).toEqual(['AuthFailure', 'InvalidClientTokenId'])
  })

  test('of a role stand for that role, and for another one that it assumes', async () => {
    const assume = async (credentials: Credentials, role: string, seconds?: number) =>
      await stsAs(api, credentials).send(
        new sts.AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${account}:role/${role}`,
          RoleSessionName: 'alice@example',
          DurationSeconds: seconds,
        }),
      )
    const first = await assume(await makeKey(api), 'teams/deploy', 43_200)
    expect(first.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${account}:assumed-role/deploy/alice@example`)
    expect(first.Credentials?.Expiration?.getTime()).toBeGreaterThan(Date.now() + 42_000_000)
    expect(await runAws(credentialsOf(first), 'sts', 'get-caller-identity')).toEqual({
      UserId: first.AssumedRoleUser?.AssumedRoleId,
      Account: account,
      Arn: first.AssumedRoleUser?.Arn,
    })
    expect(first.AssumedRoleUser?.AssumedRoleId).toMatch(/^AROA[A-Z2-7]{17}:alice@example$/)
    const second = await assume(credentialsOf(first), 'audit')
    const identity = await stsAs(api, credentialsOf(second)).send(new sts.GetCallerIdentityCommand({}))
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
    const asking = stsAs(api, api.key).send(
      new sts.AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'me', ...more }),
    )
    expect(await codeOf(asking)).toBe(code)
  })

  test('are refused with another token, another secret and no token', async () => {
    const mine = credentialsOf(await stsAs(api, api.key).send(new sts.GetSessionTokenCommand({})))
    const other = credentialsOf(await stsAs(api, api.key).send(new sts.GetSessionTokenCommand({})))
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

test('a presigned URL with a session token is as good as its signature', async () => {
  const session = credentialsOf(await stsAs(api, api.key).send(new sts.GetSessionTokenCommand({})))
  const parameters = 'Action=DescribeRegions&Version=2016-11-15'
  const ask = (key: Credentials) =>
    sendRaw(api.endpointUrl, { parameters, key, method: 'GET', expiresSeconds: 60, ...sessionOf(key) })
  expect((await ask(session)).status).toBe(200)
  expect((await ask({ ...session, sessionToken: 'AAAA' })).code).toBe('AuthFailure')
})

function sessionOf({ sessionToken }: Credentials): { sessionToken?: string } {
  return sessionToken === undefined ? {} : { sessionToken }
}
