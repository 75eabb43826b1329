import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type DescribeSource, selectRecords } from '../../../src/ec2/describe.ts'
import { applyFilters, defineFilters, type Filter } from '../../../src/ec2/filter.ts'
import type { SecurityGroupRecord } from '../../../src/ec2/security-group/security-group.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { openStore } from '../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const others = { accountId: '210987654321', region: 'us-east-1' }
let directory: string
let store: Store
let source: DescribeSource<SecurityGroupRecord>

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kiln-describe-'))
  store = openStore(join(directory, 'state.db'))
  source = {
    collection: store.securityGroups,
    prefix: 'sg',
    idParameter: 'groupIds',
    filters: defineFilters(
      {
        'group-id': { read: ({ id }) => id, index: 'id' },
        'group-name': { read: ({ name }) => name, index: 'name' },
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
        'peer-id': { read: ({ rules }) => rules.map(({ peerGroupId }) => peerGroupId), index: 'rules[].peerGroupId' },
        description: ({ description }) => description,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
})
afterEach(() => {
  store.close()
  rmSync(directory, { recursive: true })
})

const idOf = (number: number) => `sg-${number.toString(16).padStart(17, '0')}`

/** Every group has a rule for each of its two neighbours of the same remainder. */
function groupOf(number: number, owner = scope): SecurityGroupRecord {
  const peers = [idOf(number + 7), idOf(number - 7)]
  return {
    ...owner,
    id: idOf(number),
    name: `group ${number % 10}`,
    description: `${number % 2 === 0 ? 'even' : 'odd'} [*]`,
    vpcId: `vpc-${number % 7}`,
    rules: peers.map((peerGroupId, index) => ({
      id: `sgr-${number}-${index}`,
      isEgress: false,
      protocol: 'tcp',
      fromPort: 1,
      toPort: 1,
      peerGroupId,
    })),
  }
}

function fill(count: number): void {
  store.transaction(() => {
    for (let number = 0; number < count; number++) {
      // Tags come before the record and after it.
      const putTag = () =>
        store.tags.put(scope, idOf(number), 'security-group', [
          { key: 'Name', value: `web-${number % 5}` },
          ...(number % 3 === 0 ? [{ key: 'third', value: '' }] : []),
        ])
      if (number % 2 === 0) putTag()
      store.securityGroups.insert(groupOf(number))
      if (number % 2 === 1) putTag()
    }
    const foreign = 1_000_000
    store.securityGroups.insert(groupOf(foreign, others))
    store.tags.put(others, idOf(foreign), 'security-group', [{ key: 'Name', value: 'web-0' }])
  })
}

/** All pages of a call, one after the other. */
function selectAll(filters: readonly Filter[], MaxResults?: number): { ids: string[]; pages: number } {
  const ids: string[] = []
  let NextToken: string | undefined
  for (let pages = 1; ; pages++) {
    const page = selectRecords(source, scope, { ids: undefined, Filters: filters, MaxResults, NextToken })
    ids.push(...page.records.map(({ id }) => id))
    NextToken = page.token.NextToken
    if (NextToken === undefined) return { ids, pages }
  }
}

const filterSets: readonly (readonly Filter[])[] = [
  [],
  [{ Name: 'group-id', Values: [idOf(3), idOf(2), idOf(3), idOf(1_000_000)] }],
  [{ Name: 'vpc-id', Values: ['vpc-3'] }],
  [{ Name: 'vpc-id', Values: ['vpc-6', 'vpc-1', 'vpc-1', 'vpc-9'] }],
  [{ Name: 'vpc-id', Values: ['vpc-[16]', 'vpc-\\*'] }],
  [{ Name: 'vpc-id', Values: ['vpc-?'] }],
  [{ Name: 'group-name', Values: ['group 1', 'gr*2'] }],
  [{ Name: 'peer-id', Values: [idOf(20), idOf(27)] }],
  [{ Name: 'description', Values: ['even \\[\\*\\]'] }],
  [{ Name: 'tag:Name', Values: ['web-2'] }],
  [{ Name: 'tag:Name', Values: ['web-4', 'web-0'] }],
  [{ Name: 'tag:Name', Values: ['*-1', 'web-2'] }],
  [{ Name: 'tag:third', Values: [''] }],
  [{ Name: 'tag:name', Values: ['web-2'] }],
  [{ Name: 'tag-key', Values: ['third', 'Name'] }],
  [{ Name: 'tag-key', Values: ['thi*'] }],
  [
    { Name: 'tag:Name', Values: ['web-2'] },
    { Name: 'vpc-id', Values: ['vpc-3', 'vpc-4'] },
    { Name: 'description', Values: ['even*'] },
  ],
  [{ Name: 'vpc-id', Values: [] }],
]

test.each(filterSets.map((filters) => ({ name: JSON.stringify(filters), filters })))(
  'filters find with an index what reading everything finds: $name',
  ({ filters }) => {
    fill(700)
    const expected = applyFilters(store.securityGroups.list(scope), filters, source.filters).map(({ id }) => id)
    expect(selectAll(filters)).toEqual({ ids: expected, pages: 1 })
    expect(selectAll(filters, 5)).toEqual({ ids: expected, pages: Math.max(1, Math.ceil(expected.length / 5)) })
  },
)

test('an index follows what becomes of records and tags', () => {
  fill(20)
  const peer = [{ Name: 'peer-id', Values: [idOf(10)] }]
  const name = [{ Name: 'tag:Name', Values: ['web-2'] }]
  expect([selectAll(peer).ids, selectAll(name).ids]).toEqual([
    [idOf(3), idOf(17)],
    [idOf(2), idOf(7), idOf(12), idOf(17)],
  ])
  store.transaction(() => {
    store.securityGroups.replace({ ...groupOf(3), rules: [] })
    store.securityGroups.replace({ ...groupOf(4), rules: groupOf(3).rules })
    store.securityGroups.remove(idOf(17))
    store.tags.put(scope, idOf(2), 'security-group', [{ key: 'Name', value: 'other' }])
    store.tags.removeAll(idOf(7))
    store.tags.put(scope, idOf(1), 'security-group', [{ key: 'Name', value: 'web-2' }])
  })
  expect([selectAll(peer).ids, selectAll(name).ids]).toEqual([[idOf(4)], [idOf(1), idOf(12)]])
})

test('the records of many values are read at once, those of lists too', () => {
  fill(20)
  const byName = store.securityGroups.listByEach('name', ['group 3', 'group 9', 'nobody', 'group 3'])
  expect([...byName].map(([name, groups]) => [name, groups.map(({ id }) => id)])).toEqual([
    ['group 3', [idOf(3), idOf(13)]],
    ['group 9', [idOf(9), idOf(19)]],
  ])
  const byPeer = store.securityGroups.listByEach('rules[].peerGroupId', [idOf(10)])
  expect(byPeer.get(idOf(10))?.map(({ id }) => id)).toEqual([idOf(3), idOf(17)])
  expect(store.securityGroups.listBy('rules[].peerGroupId', idOf(10))).toEqual(byPeer.get(idOf(10)))
  expect(store.securityGroups.countBy('rules[].peerGroupId', idOf(10))).toBe(2)
  const tags = store.tags.ofEach([idOf(3), idOf(4), idOf(99)])
  expect([...tags]).toEqual([idOf(3), idOf(4)].map((id) => [id, store.tags.of(id)]))
})
