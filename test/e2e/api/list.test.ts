import type { Filter } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listOperations } from '../../../scripts/parity/render.ts'
import { type ApiLab, openApiLab, refusalOfSdk, refusalOfSocket } from './api-lab.ts'

let api: ApiLab
const groupIds: string[] = []

beforeAll(async () => {
  api = await openApiLab()
  for (let number = 0; number < 12; number++) await createGroup(number)
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

async function createGroup(number: number): Promise<void> {
  const { GroupId: id = '' } = await api.lab.call('CreateSecurityGroup', {
    GroupName: `list ${number}`,
    Description: number % 2 === 0 ? 'even *' : 'odd {a}',
    TagSpecifications: [
      {
        ResourceType: 'security-group',
        Tags: [
          { Key: 'Name', Value: `web-${number}` },
          { Key: 'stage', Value: number < 6 ? 'test' : 'prod*' },
          ...(number === 3 ? [{ Key: 'only', Value: '' }] : []),
        ],
      },
    ],
  })
  groupIds.push(id)
}

/** Numbers of the groups that pass, in the order told. */
async function numbersOf(...filters: readonly Filter[]): Promise<(string | undefined)[]> {
  const { SecurityGroups: groups = [] } = await api.lab.call('DescribeSecurityGroups', {
    Filters: [{ Name: 'group-name', Values: ['list *'] }, ...filters],
  })
  return groups.map(({ GroupName: name }) => name?.slice('list '.length))
}

describe('filters', () => {
  test.each<[name: string, values: string[], numbers: string[]]>([
    ['tag:Name', ['web-4'], ['4']],
    ['tag:Name', ['web-10', 'web-2', 'web-2'], ['2', '10']],
    ['tag:Name', ['web-1?', 'web-7'], ['7', '10', '11']],
    ['tag:name', ['web-4'], []],
    ['tag:stage', ['prod*'], ['6', '7', '8', '9', '10', '11']],
    ['tag:stage', ['prod\\*'], ['6', '7', '8', '9', '10', '11']],
    ['tag:stage', ['tes\\*'], []],
    ['tag:only', [''], ['3']],
    ['tag-key', ['only', 'other'], ['3']],
    ['tag-key', ['onl?'], ['3']],
    ['description', ['even \\*'], ['0', '2', '4', '6', '8', '10']],
    ['description', ['*\\*'], ['0', '2', '4', '6', '8', '10']],
    ['description', ['odd {?}'], ['1', '3', '5', '7', '9', '11']],
    ['description', ['odd {\\?}'], []],
    ['group-name', ['list 5', 'list 6'], ['5', '6']],
  ])('%s finds for %j what EC2 finds', async (Name, Values, numbers) => {
    expect(await numbersOf({ Name, Values })).toEqual(numbers)
  })

  test('must all pass, each with any of its values', async () => {
    const stage = { Name: 'tag:stage', Values: ['test', 'nothing'] }
    const even = { Name: 'description', Values: ['even*'] }
    expect(await numbersOf(stage, even, { Name: 'group-id', Values: groupIds.slice(1, 5) })).toEqual(['2', '4'])
  })

  test('that an operation does not have are refused by name', async () => {
    const input = { Filters: [{ Name: 'colour', Values: ['red'] }] }
    expect(await refusalOfSdk(api, 'DescribeSecurityGroups', input)).toEqual({
      code: 'InvalidParameterValue',
      message: expect.stringContaining("The filter 'colour' is invalid") as string,
    })
  })

  test('are each answered by the operation that has it, whatever index finds the records', async () => {
    for (const [operation, { kind, ...rest }] of listOperations()) {
      const names = kind === 'query' && 'filters' in rest ? (rest.filters ?? []) : []
      const failed: string[] = []
      for (const name of names) {
        const Filters = [{ Name: name.replace('KEY', 'Name'), Values: ['nothing-has-this'] }]
        const refusal = await refusalOfSocket(api, operation, { Filters })
        if (refusal?.code === 'InternalError') failed.push(name)
      }
      expect({ operation, failed }).toEqual({ operation, failed: [] })
    }
  })
})

test('pages stay as they are while records, and the last one shown, come and go', async () => {
  const Filters = [{ Name: 'tag:Name', Values: ['web-*'] }]
  const pageOf = async (NextToken?: string) => {
    const page = await api.lab.call('DescribeSecurityGroups', {
      Filters,
      MaxResults: 5,
      ...(NextToken === undefined ? {} : { NextToken }),
    })
    return { names: page.SecurityGroups?.map(({ GroupName: name }) => name), token: page.NextToken }
  }
  const first = await pageOf()
  expect(first.names).toEqual(['list 0', 'list 1', 'list 2', 'list 3', 'list 4'])
  for (const number of [0, 4, 5]) await api.lab.call('DeleteSecurityGroup', { GroupId: groupIds[number] })
  await createGroup(12)
  const second = await pageOf(first.token)
  expect(second.names).toEqual(['list 6', 'list 7', 'list 8', 'list 9', 'list 10'])
  expect(await pageOf(second.token)).toEqual({ names: ['list 11', 'list 12'], token: undefined })
  expect(await pageOf(second.token)).toEqual({ names: ['list 11', 'list 12'], token: undefined })
  expect(first.token).not.toContain(groupIds[4])
})
