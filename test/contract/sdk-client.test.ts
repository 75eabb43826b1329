import * as sdk from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../src/ec2-model/model.ts'
import { accessKeyId, type Endpoint, secretAccessKey, sessionKeyId, sessionToken, startEndpoint } from './endpoint.ts'
import { answerAsCloud, instanceIds } from './invented-cloud.ts'

let endpoint: Endpoint

beforeAll(async () => {
  endpoint = await startEndpoint(loadModel(), answerAsCloud)
})

afterAll(() => endpoint.close())

function createClient(credentials: sdk.EC2ClientConfig['credentials'] = { accessKeyId, secretAccessKey }) {
  return new sdk.EC2Client({ region: 'eu-west-1', endpoint: endpoint.url, credentials, maxAttempts: 1 })
}

function createStsClient(secret = secretAccessKey, key = accessKeyId) {
  const credentials = { accessKeyId: key, secretAccessKey: secret }
  return new STSClient({ region: 'us-east-1', endpoint: endpoint.url, credentials, maxAttempts: 1 })
}

async function failureOf(call: Promise<unknown>): Promise<Record<string, unknown>> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  const { name, message, $metadata } = outcome as Error & { $metadata: { httpStatusCode: number; requestId: string } }
  return { name, message, status: $metadata.httpStatusCode, hasRequestId: /^[0-9a-f-]{36}$/.test($metadata.requestId) }
}

describe('the SDK for JavaScript', () => {
  test('launches with everything it was told and tells the caller apart', async () => {
    const input: sdk.RunInstancesCommandInput = {
      ImageId: 'ami-0123456789abcdef0',
      MinCount: 1,
      MaxCount: 2,
      InstanceType: 't3.micro',
      DryRun: false,
      ClientToken: 'token',
      UserData: Buffer.from('#cloud-config\n').toString('base64'),
      SecurityGroupIds: ['sg-1', 'sg-2'],
      BlockDeviceMappings: [
        { DeviceName: '/dev/vda', Ebs: { VolumeSize: 8, VolumeType: 'gp3', DeleteOnTermination: true } },
      ],
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: 'subnet-1', Groups: ['sg-1'], AssociatePublicIpAddress: true }],
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: [
            { Key: 'Name', Value: 'web & <db>' },
            { Key: 'empty', Value: '' },
          ],
        },
      ],
    }
    const { Groups, Instances, $metadata } = await createClient().send(new sdk.RunInstancesCommand(input))
    expect({ Groups, tags: Instances?.[0]?.Tags }).toEqual({
      Groups: [],
      tags: [
        { Key: 'Name', Value: ' a <b> & "c"\r\n' },
        { Key: 'empty', Value: '' },
      ],
    })
    const call = endpoint.calls.at(-1)
    expect(call).toEqual({
      caller: {
        accountId: '123456789012',
        region: 'eu-west-1',
        identity: { arn: 'arn:aws:iam::123456789012:root', userId: '123456789012', accessKeyId },
        source: { kind: 'query', address: '127.0.0.1' },
        requestId: $metadata.requestId,
      },
      operation: 'RunInstances',
      input,
    })
  })

  test('pages', async () => {
    const seen: unknown[] = []
    for await (const page of sdk.paginateDescribeInstances({ client: createClient(), pageSize: 3 }, {})) {
      seen.push(page.Reservations?.flatMap(({ Instances }) => Instances?.map(({ InstanceId }) => InstanceId)))
    }
    expect(seen).toEqual([instanceIds.slice(0, 3), instanceIds.slice(3, 6), instanceIds.slice(6)])
  })

  test('waits', async () => {
    const InstanceIds = instanceIds.slice(0, 1)
    const { state } = await sdk.waitUntilInstanceRunning(
      { client: createClient(), minDelay: 1, maxWaitTime: 20 },
      { InstanceIds },
    )
    expect(state).toBe('SUCCESS')
  })

  test('sends bytes', async () => {
    const PublicKeyMaterial = Buffer.from('ssh-ed25519 AAAA né')
    const { KeyFingerprint } = await createClient().send(
      new sdk.ImportKeyPairCommand({ KeyName: 'k', PublicKeyMaterial }),
    )
    expect(KeyFingerprint).toBe('ssh-ed25519 AAAA né')
  })

  test('tells an empty list from an absent one', async () => {
    const { KeyPairs } = await createClient().send(new sdk.DescribeKeyPairsCommand({}))
    expect(KeyPairs).toEqual([])
  })

  test('takes an answer without members', async () => {
    const { $metadata, ...rest } = await createClient().send(
      new sdk.CreateTagsCommand({ Resources: ['i-1'], Tags: [{ Key: 'a' }] }),
    )
    expect({ status: $metadata.httpStatusCode, rest }).toEqual({ status: 200, rest: {} })
  })

  test('uses temporary credentials', async () => {
    await createClient({ accessKeyId: sessionKeyId, secretAccessKey, sessionToken }).send(
      new sdk.DescribeRegionsCommand({}),
    )
    expect(endpoint.calls.at(-1)?.caller).toMatchObject({
      accountId: '210987654321',
      identity: { accessKeyId: sessionKeyId },
    })
  })

  test.each([
    ['another secret', { accessKeyId, secretAccessKey: 'wrong' }],
    ['an unknown key', { accessKeyId: 'AKIAUNKNOWN', secretAccessKey }],
    ['a wrong session token', { accessKeyId: sessionKeyId, secretAccessKey, sessionToken: 'wrong' }],
    ['a lacking session token', { accessKeyId: sessionKeyId, secretAccessKey }],
    ['a session token where there is none', { accessKeyId, secretAccessKey, sessionToken }],
  ])('is refused in the same words for %s', async (_case, credentials) => {
    expect(await failureOf(createClient(credentials).send(new sdk.DescribeRegionsCommand({})))).toEqual({
      name: 'AuthFailure',
      message: 'AWS was not able to validate the provided access credentials',
      status: 401,
      hasRequestId: true,
    })
  })

  test('names errors by their code', async () => {
    const call = createClient().send(new sdk.DescribeInstancesCommand({ InstanceIds: ['i-9'] }))
    expect(await failureOf(call)).toEqual({
      name: 'InvalidInstanceID.NotFound',
      message: "The instance ID 'i-9' does not exist",
      status: 400,
      hasRequestId: true,
    })
  })

  test('learns nothing of an unexpected failure but the request id, under which the log has it once', async () => {
    const logged = endpoint.logLines.length
    expect(await failureOf(createClient().send(new sdk.DescribeVolumesCommand({})))).toEqual({
      name: 'InternalError',
      message: 'An internal error has occurred',
      status: 500,
      hasRequestId: true,
    })
    const lines = endpoint.logLines.slice(logged).filter((line) => line.includes('a secret of the implementation'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(endpoint.calls.at(-1)?.caller.requestId)
  })

  test('asks STS who it is', async () => {
    const { $metadata, ...identity } = await createStsClient().send(new GetCallerIdentityCommand({}))
    expect(identity).toEqual({ Account: '123456789012', Arn: 'arn:aws:iam::123456789012:root', UserId: '123456789012' })
    expect($metadata.requestId).toBe(endpoint.calls.at(-1)?.caller.requestId)
  })

  test.each([
    ['SignatureDoesNotMatch', 'wrong', accessKeyId],
    ['InvalidClientTokenId', secretAccessKey, 'AKIAUNKNOWN'],
  ])('gets %s from STS', async (name, secret, key) => {
    const call = createStsClient(secret, key).send(new GetCallerIdentityCommand({}))
    expect(await failureOf(call)).toMatchObject({ name, status: 403, hasRequestId: true })
  })
})
