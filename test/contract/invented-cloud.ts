import { Ec2Error } from '../../src/ec2/errors.ts'

/** Enough instances for several pages. */
export const instanceIds = Array.from({ length: 7 }, (_, index) => `i-0000000000000000${index}`)

/** Answers as a small, unchanging EC2. */
export function answerAsCloud(operation: string, input: Record<string, unknown>): unknown {
  switch (operation) {
    case 'GetCallerIdentity':
      return { Account: '123456789012', Arn: 'arn:aws:iam::123456789012:root', UserId: '123456789012' }
    case 'DescribeInstances':
      return describeInstances(input)
    case 'DescribeRegions':
      return { Regions: [{ RegionName: 'us-east-1', Endpoint: '127.0.0.1', OptInStatus: 'opt-in-not-required' }] }
    case 'DescribeKeyPairs':
      return { KeyPairs: [] }
    case 'ImportKeyPair':
      return {
        KeyName: input['KeyName'],
        KeyPairId: 'key-1',
        KeyFingerprint: Buffer.from(input['PublicKeyMaterial'] as Uint8Array).toString(),
      }
    case 'RunInstances':
      return {
        ReservationId: 'r-1',
        OwnerId: '123456789012',
        Groups: [],
        Instances: [describeInstance(instanceIds[0] ?? '')],
      }
    case 'GetConsoleOutput':
      return {
        InstanceId: input['InstanceId'],
        Output: Buffer.from('login: \u001b[0m\r\n').toString('base64'),
        Timestamp: new Date('2026-11-23T10:00:00Z'),
      }
    case 'SendSSHPublicKey':
      if (!instanceIds.includes(String(input['InstanceId']))) {
        throw new Ec2Error('EC2InstanceNotFoundException', 'The specified instance was not found', 404)
      }
      return { RequestId: 'request-1', Success: input['InstanceOSUser'] === 'ec2-user' }
    case 'SendSerialConsoleSSHPublicKey':
      if (!instanceIds.includes(String(input['InstanceId']))) {
        throw new Ec2Error('SerialConsoleAccessDisabledException', 'Your account is not authorized', 403)
      }
      return { RequestId: 'request-1', Success: input['SerialPort'] === 0 }
    case 'DescribeVolumes':
      throw new TypeError('a secret of the implementation')
    case 'CreateTags':
      return undefined
    default:
      throw new Ec2Error('UnsupportedOperation', `The operation ${operation} is not supported by Kiln.`)
  }
}

function describeInstances(input: Record<string, unknown>): unknown {
  const wanted = input['InstanceIds'] as string[] | undefined
  const missing = wanted?.find((id) => !instanceIds.includes(id))
  if (missing) throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${missing}' does not exist`)
  const start = Number(input['NextToken'] ?? 0)
  const count = typeof input['MaxResults'] === 'number' ? input['MaxResults'] : instanceIds.length
  const page = (wanted ?? instanceIds).slice(start, start + count)
  const Reservations = page.map((id) => ({ ReservationId: `r-${id}`, Groups: [], Instances: [describeInstance(id)] }))
  return { Reservations, ...(start + count < instanceIds.length ? { NextToken: String(start + count) } : {}) }
}

function describeInstance(InstanceId: string): object {
  return {
    InstanceId,
    State: { Code: 16, Name: 'running' },
    LaunchTime: new Date('2026-11-23T10:00:00.123Z'),
    Tags: [
      { Key: 'Name', Value: ' a <b> & "c"\r\n' },
      { Key: 'empty', Value: '' },
    ],
    NetworkInterfaces: [],
  }
}
