import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk, waitForState } from './api-lab.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const one = () => ({ ImageId: api.imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 })

async function launch(more: object) {
  const { Instances: launched } = await api.lab.call('RunInstances', { ...one(), ...more })
  return launched?.[0]?.InstanceId ?? ''
}

async function describeAll(filters: { Name: string; Values: string[] }[]) {
  const { Reservations: found } = await api.lab.call('DescribeInstances', { Filters: filters })
  return (found ?? []).flatMap(({ Instances }) => Instances ?? [])
}

async function terminate(...ids: string[]): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: ids })
  for (const id of ids) await waitForState(api, id, 'terminated')
}

test('an instance profile is told by ARN and id, whether it was named or given by its ARN', async () => {
  const arn = 'arn:aws:iam::123456789012:instance-profile/web-role'
  const named = await launch({ IamInstanceProfile: { Name: 'web-role' } })
  const given = await launch({ IamInstanceProfile: { Arn: arn } })
  const found = await describeAll([{ Name: 'iam-instance-profile.arn', Values: [arn] }])
  expect(found.map(({ InstanceId }) => InstanceId)).toEqual([named, given])
  expect(found[0]?.IamInstanceProfile).toEqual({ Arn: arn, Id: expect.stringMatching(/^AIPA[A-Z2-7]{17}$/) })
  expect(found[1]?.IamInstanceProfile).toEqual(found[0]?.IamInstanceProfile)
  await terminate(named, given)
})

test('processors are as many as CpuOptions say', async () => {
  const id = await launch({ InstanceType: 't3.xlarge', CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 } })
  const [told] = await describeAll([{ Name: 'instance-id', Values: [id] }])
  expect(told?.CpuOptions).toEqual({ CoreCount: 1, ThreadsPerCore: 2 })
  await waitForState(api, id, 'running')
  const { QemuPid: pid } = await api.lab.call('KilnDescribeInstance', { InstanceId: id })
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  expect(argv[argv.indexOf('-smp') + 1]).toBe('2,sockets=1,cores=1,threads=2')
  const refused: [object, string, string][] = [
    [{ CoreCount: 1 }, 'InvalidParameterCombination', 'ThreadsPerCore'],
    [{ CoreCount: 3, ThreadsPerCore: 1 }, 'InvalidParameterValue', 'CpuOptions.CoreCount'],
    [{ CoreCount: 1, ThreadsPerCore: 3 }, 'InvalidParameterValue', 'CpuOptions.ThreadsPerCore'],
  ]
  for (const [CpuOptions, code, message] of refused) {
    const input = { ...one(), InstanceType: 't3.xlarge', CpuOptions }
    expect(await refusalOfSdk(api, 'RunInstances', input)).toEqual({ code, message: expect.stringContaining(message) })
  }
  await terminate(id)
})

test('the tenancy is that of the launch or of its VPC, and stays when the VPC changes its own', async () => {
  const { Vpc: vpc } = await api.lab.call('CreateVpc', { CidrBlock: '10.0.0.0/16', InstanceTenancy: 'dedicated' })
  const VpcId = vpc?.VpcId ?? ''
  const { Subnet: subnet } = await api.lab.call('CreateSubnet', { VpcId, CidrBlock: '10.0.1.0/24' })
  const shared = await launch({})
  const asked = await launch({ Placement: { Tenancy: 'dedicated' } })
  const inVpc = await launch({ SubnetId: subnet?.SubnetId ?? '', Placement: { Tenancy: 'default' } })
  await api.lab.call('ModifyVpcTenancy', { VpcId, InstanceTenancy: 'default' })
  const dedicated = await describeAll([{ Name: 'tenancy', Values: ['dedicated'] }])
  expect(dedicated.map(({ InstanceId, Placement }) => [InstanceId, Placement?.Tenancy])).toEqual([
    [asked, 'dedicated'],
    [inVpc, 'dedicated'],
  ])
  await terminate(shared, asked, inVpc)
})
