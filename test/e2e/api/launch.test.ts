import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, openApiLab, waitForState } from './api-lab.ts'

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
