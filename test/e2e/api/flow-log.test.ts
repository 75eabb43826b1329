import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { CreateFlowLogsRequest } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from './api-lab.ts'

let api: ApiLab
let bucket: string
let vpcId: string
let subnetId: string

beforeAll(async () => {
  bucket = await mkdtemp('/tmp/kiln-bucket-')
  api = await openApiLab(`buckets:\n  logs:\n    directory: ${bucket}\n`)
  const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {})
  vpcId = subnets?.[0]?.VpcId ?? ''
  subnetId = subnets?.[0]?.SubnetId ?? ''
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
  await rm(bucket, { recursive: true })
})

function request(changes: Partial<CreateFlowLogsRequest> = {}): CreateFlowLogsRequest {
  return { ResourceIds: [vpcId], ResourceType: 'VPC', TrafficType: 'ALL', LogGroupName: 'flows', ...changes }
}

async function create(changes: Partial<CreateFlowLogsRequest> = {}): Promise<string> {
  const answer = await api.lab.call('CreateFlowLogs', request(changes))
  expect(answer.Unsuccessful ?? []).toEqual([])
  return answer.FlowLogIds?.[0] ?? ''
}

async function describe(...filter: [Name: string, value: string][]) {
  const Filter = filter.map(([Name, value]) => ({ Name, Values: [value] }))
  return (await api.lab.call('DescribeFlowLogs', { Filter })).FlowLogs ?? []
}

async function remove(...FlowLogIds: string[]) {
  return (await api.lab.call('DeleteFlowLogs', { FlowLogIds })).Unsuccessful ?? []
}

test('a flow log is told as it was made', async () => {
  const id = await create({
    LogDestinationType: 's3',
    LogDestination: 'arn:aws:s3:::logs/lab',
    LogFormat: '${version} ${srcaddr} ${tcp-flags}',
    MaxAggregationInterval: 60,
    DestinationOptions: { FileFormat: 'plain-text', HiveCompatiblePartitions: true, PerHourPartition: false },
    TagSpecifications: [{ ResourceType: 'vpc-flow-log', Tags: [{ Key: 'Name', Value: 'all' }] }],
    LogGroupName: undefined,
  })
  const [told, ...others] = await describe(['tag:Name', 'all'], ['resource-id', vpcId])
  expect(others).toEqual([])
  expect(told).toEqual({
    FlowLogId: id,
    FlowLogStatus: 'ACTIVE',
    ResourceId: vpcId,
    TrafficType: 'ALL',
    LogFormat: '${version} ${srcaddr} ${tcp-flags}',
    MaxAggregationInterval: 60,
    CreationTime: told?.CreationTime,
    DeliverLogsStatus: 'SUCCESS',
    LogDestinationType: 's3',
    LogDestination: 'arn:aws:s3:::logs/lab/',
    DestinationOptions: { FileFormat: 'plain-text', HiveCompatiblePartitions: true, PerHourPartition: false },
    Tags: [{ Key: 'Name', Value: 'all' }],
  })
  expect(await describe(['log-destination-type', 'cloud-watch-logs'])).toEqual([])
  expect(await remove(id)).toEqual([])
  // No machine has run: nothing was gathered, and nothing is written.
  expect(await readdir(bucket)).toEqual([])
})

test('one more of the same, and one too many, are refused for their resource alone', async () => {
  const id = await create()
  const { FlowLogIds: ids, Unsuccessful: refused } = await api.lab.call(
    'CreateFlowLogs',
    request({ ResourceIds: [vpcId], TrafficType: 'ALL' }),
  )
  expect(ids ?? []).toEqual([])
  expect(refused?.map(({ ResourceId, Error: error }) => [ResourceId, error?.Code])).toEqual([
    [vpcId, 'FlowLogAlreadyExists'],
  ])
  const other = await create({ TrafficType: 'REJECT' })
  const third = await api.lab.call('CreateFlowLogs', request({ TrafficType: 'ACCEPT' }))
  expect(third.Unsuccessful?.map(({ Error: error }) => error?.Code)).toEqual(['FlowLogsLimitExceeded'])
  const gone = 'fl-0123456789abcdef0'
  expect(await remove(id, gone, other)).toEqual([
    {
      ResourceId: gone,
      Error: { Code: 'InvalidFlowLogId.NotFound', Message: `The flow log ID '${gone}' does not exist` },
    },
  ])
  expect(await describe()).toEqual([])
})

test('a flow log goes with its resource', async () => {
  const { NetworkInterface: made } = await api.lab.call('CreateNetworkInterface', { SubnetId: subnetId })
  const interfaceId = made?.NetworkInterfaceId ?? ''
  await create({ ResourceType: 'NetworkInterface', ResourceIds: [interfaceId] })
  const ofSubnet = await create({ ResourceType: 'Subnet', ResourceIds: [subnetId] })
  await api.lab.call('DeleteNetworkInterface', { NetworkInterfaceId: interfaceId })
  expect((await describe()).map(({ FlowLogId: id }) => id)).toEqual([ofSubnet])
  await remove(ofSubnet)
})

test.each([
  [{ TrafficType: undefined }, 'MissingParameter'],
  [{ ResourceType: 'TransitGateway' }, 'InvalidParameterValue'],
  [{ ResourceType: 'Subnet' }, 'InvalidParameterCombination'],
  [{ ResourceIds: ['vpc-0123456789abcdef0'] }, 'InvalidVpcID.NotFound'],
  [{ MaxAggregationInterval: 61 }, 'InvalidParameterValue'],
  [{ LogFormat: '${srcaddr} ${of-my-own}' }, 'InvalidParameterValue'],
  [{ LogGroupName: '../../etc ' }, 'InvalidParameterValue'],
  [{ LogGroupName: undefined }, 'MissingParameter'],
  [{ LogDestination: 'arn:aws:s3:::logs' }, 'InvalidParameterCombination'],
  [{ LogDestinationType: 's3', LogGroupName: undefined }, 'MissingParameter'],
  [{ LogDestinationType: 's3', LogGroupName: undefined, LogDestination: 'arn:aws:s3:::others' }, 'InvalidParameter'],
  [{ LogDestinationType: 's3', LogDestination: 'arn:aws:s3:::logs' }, 'InvalidParameterCombination'],
  [
    { LogDestinationType: 's3', LogGroupName: undefined, LogDestination: 'arn:aws:s3:::logs/AWSLogs/' },
    'InvalidParameterValue',
  ],
  [{ LogDestinationType: 's3', LogGroupName: undefined, LogDestination: 'arn:aws:s3:::logs/../up/' }, 'InvalidKey'],
  [
    {
      LogDestinationType: 's3',
      LogGroupName: undefined,
      LogDestination: 'arn:aws:s3:::logs',
      DestinationOptions: { FileFormat: 'parquet' },
    },
    'UnsupportedOperation',
  ],
  [{ LogDestinationType: 'kinesis-data-firehose' }, 'UnsupportedOperation'],
  [{ DeliverCrossAccountRole: 'arn:aws:iam::123456789012:role/other' }, 'UnsupportedOperation'],
] satisfies [object, string][])('%j is refused with %s', async (changes, code) => {
  const refusal = await refusalOfSdk(api, 'CreateFlowLogs', request(changes as Partial<CreateFlowLogsRequest>))
  expect(refusal?.code).toBe(code)
})

test('ids and filters that mean nothing are refused', async () => {
  expect((await refusalOfSdk(api, 'DescribeFlowLogs', { FlowLogIds: ['fl-x'] }))?.code).toBe(
    'InvalidFlowLogId.Malformed',
  )
  expect((await refusalOfSdk(api, 'DescribeFlowLogs', { FlowLogIds: ['fl-0123456789abcdef0'] }))?.code).toBe(
    'InvalidFlowLogId.NotFound',
  )
  const Filter = [{ Name: 'nonsense', Values: ['x'] }]
  expect((await refusalOfSdk(api, 'DescribeFlowLogs', { Filter }))?.code).toBe('InvalidParameterValue')
})
