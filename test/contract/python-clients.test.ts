import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../src/ec2-model/model.ts'
import { accessKeyId, type Endpoint, secretAccessKey, startEndpoint } from './endpoint.ts'
import { answerAsCloud, instanceIds } from './invented-cloud.ts'

// Debian's: awscli, python3-boto3.
const aws = '/usr/bin/aws'
const python = '/usr/bin/python3'
const timeout = 60_000

let endpoint: Endpoint
let home: string

beforeAll(async () => {
  endpoint = await startEndpoint(loadModel(), answerAsCloud)
  home = await mkdtemp(join(tmpdir(), 'kiln-aws-'))
})

afterAll(async () => {
  await endpoint.close()
  await rm(home, { recursive: true })
})

function environment(): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: home,
    LANG: 'C.UTF-8',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: 'us-west-2',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '127.0.0.1',
  }
}

async function runAws(...args: string[]): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(aws, ['--endpoint-url', endpoint.url, '--output', 'json', ...args], {
    env: environment(),
    extendEnv: false,
    reject: false,
    timeout,
  })
  return { exitCode, stdout, stderr }
}

describe('the AWS CLI', () => {
  test('pushes a key by EC2 Instance Connect, and hears of errors in its words', async () => {
    const push = (id: string) =>
      runAws(
        ...['ec2-instance-connect', 'send-ssh-public-key', '--instance-id', id, '--instance-os-user', 'ec2-user'],
        ...['--ssh-public-key', `ssh-ed25519 ${'A'.repeat(68)}`],
      )
    const { stdout, stderr } = await push(instanceIds[0] ?? '')
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ RequestId: 'request-1', Success: true })
    expect((await push('i-00000000000000099')).stderr).toContain(
      'An error occurred (EC2InstanceNotFoundException) when calling the SendSSHPublicKey operation: The specified instance was not found',
    )
  })

  test('pushes a key for a serial console, and hears that access to it is disabled', async () => {
    const push = (id: string) =>
      runAws(
        ...['ec2-instance-connect', 'send-serial-console-ssh-public-key', '--instance-id', id, '--serial-port', '0'],
        ...['--ssh-public-key', `ssh-ed25519 ${'A'.repeat(68)}`],
      )
    expect(JSON.parse((await push(instanceIds[0] ?? '')).stdout)).toEqual({ RequestId: 'request-1', Success: true })
    expect((await push('i-00000000000000099')).stderr).toContain(
      'An error occurred (SerialConsoleAccessDisabledException) when calling the SendSerialConsoleSSHPublicKey operation',
    )
  })

  test('launches an instance with user data from a file', async () => {
    const userData = join(home, 'user-data')
    await writeFile(userData, '#cloud-config\n')
    const { exitCode, stdout, stderr } = await runAws(
      ...[
        'ec2',
        'run-instances',
        '--image-id',
        'ami-1',
        '--instance-type',
        't3.micro',
        '--key-name',
        'k',
        '--count',
        '1:2',
      ],
      ...[
        '--user-data',
        `file://${userData}`,
        '--block-device-mappings',
        'DeviceName=/dev/vda,Ebs={VolumeSize=9,Encrypted=false}',
      ],
      ...[
        '--tag-specifications',
        '[{"ResourceType":"instance","Tags":[{"Key":"Name","Value":"web"},{"Key":"empty","Value":""}]}]',
        '--client-token',
        'once',
      ],
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ ReservationId: 'r-1', Groups: [] })
    expect(endpoint.calls.at(-1)).toMatchObject({
      caller: { region: 'us-west-2' },
      operation: 'RunInstances',
      input: {
        ImageId: 'ami-1',
        InstanceType: 't3.micro',
        KeyName: 'k',
        MinCount: 1,
        MaxCount: 2,
        UserData: Buffer.from('#cloud-config\n').toString('base64'),
        BlockDeviceMappings: [{ DeviceName: '/dev/vda', Ebs: { VolumeSize: 9, Encrypted: false } }],
        TagSpecifications: [
          {
            ResourceType: 'instance',
            Tags: [
              { Key: 'Name', Value: 'web' },
              { Key: 'empty', Value: '' },
            ],
          },
        ],
        ClientToken: 'once',
      },
    })
  })

  test('pages by itself', async () => {
    const { stdout } = await runAws(
      'ec2',
      'describe-instances',
      '--page-size',
      '3',
      '--query',
      'Reservations[].Instances[].InstanceId',
    )
    expect(JSON.parse(stdout)).toEqual(instanceIds)
  })

  test('decodes console output', async () => {
    const { stdout } = await runAws(
      'ec2',
      'get-console-output',
      '--instance-id',
      'i-1',
      '--output',
      'text',
      '--query',
      'Output',
    )
    expect(stdout).toContain('login: ')
  })

  test('says which error it got', async () => {
    const { exitCode, stderr } = await runAws('ec2', 'describe-instances', '--instance-ids', 'i-9')
    expect({ exitCode, stderr: stderr.trim() }).toEqual({
      exitCode: 254,
      stderr:
        'An error occurred (InvalidInstanceID.NotFound) when calling the DescribeInstances operation: ' +
        "The instance ID 'i-9' does not exist",
    })
  })

  test('asks STS who it is', async () => {
    const { stdout } = await runAws('sts', 'get-caller-identity')
    expect(JSON.parse(stdout)).toEqual({
      UserId: '123456789012',
      Account: '123456789012',
      Arn: 'arn:aws:iam::123456789012:root',
    })
  })
})

test('boto3 pages, waits, decodes, fails and presigns', async () => {
  const script = fileURLToPath(new URL('./boto3-session.py', import.meta.url))
  const { stdout } = await execa(python, [script, endpoint.url, accessKeyId, secretAccessKey], {
    env: environment(),
    extendEnv: false,
    timeout,
  })
  expect(JSON.parse(stdout)).toEqual({
    pages: [3, 3, 1],
    interfaces: [],
    tags: [
      { Key: 'Name', Value: ' a <b> & "c"\r\n' },
      { Key: 'empty', Value: '' },
    ],
    launchTime: '2026-11-23T10:00:00.123000+00:00',
    keyPairs: [],
    fingerprint: 'ssh-rsa AAAA',
    consoleOutput: 'login: \u001b[0m\r\n',
    notFound: {
      Code: 'InvalidInstanceID.NotFound',
      Message: "The instance ID 'i-9' does not exist",
      status: 400,
      hasRequestId: true,
    },
    unsupported: {
      Code: 'UnsupportedOperation',
      Message: 'The operation DescribeHosts is not supported by Kiln.',
      status: 400,
      hasRequestId: true,
    },
    presigned: { status: 200, hasInstances: true },
    identity: '123456789012',
  })
  const presigned = endpoint.calls.find(({ input }) => (input as { Filters?: unknown }).Filters !== undefined)
  expect(presigned?.input).toEqual({ Filters: [{ Name: 'tag:a b*', Values: ['~x/y', 'é'] }] })
})
