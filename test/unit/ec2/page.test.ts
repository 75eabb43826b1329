import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readPage, takePage } from '../../../src/ec2/page.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { openStore } from '../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
let directory: string
let store: Store

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kiln-page-'))
  store = openStore(join(directory, 'state.db'))
  for (let number = 1; number <= 12; number++) insert(`vpc-${number}`)
})
afterEach(() => {
  store.close()
  rmSync(directory, { recursive: true })
})

function insert(id: string): void {
  store.transaction(() =>
    store.vpcs.insert({ ...scope, id, cidr: '10.0.0.0/16', isDefault: false, dhcpOptionsId: 'dopt-1' }),
  )
}

function pageOf(NextToken?: string, isShown: (id: string) => boolean = () => true) {
  const request = { MaxResults: 5, ...(NextToken === undefined ? {} : { NextToken }) }
  const { records, token } = readPage(store.vpcs, scope, request, (all) => all.filter(({ id }) => isShown(id)))
  return { ids: records.map(({ id }) => id.replace('vpc-', '')), token: token.NextToken }
}

describe('pages of a collection', () => {
  test('go through all records in the order of creation and end without a token', () => {
    const first = pageOf()
    const second = pageOf(first.token)
    const third = pageOf(second.token)
    expect([first.ids, second.ids, third]).toEqual([
      ['1', '2', '3', '4', '5'],
      ['6', '7', '8', '9', '10'],
      { ids: ['11', '12'], token: undefined },
    ])
  })

  test('show nothing twice and miss nothing when records go, the last one shown among them, and others come', () => {
    const { token } = pageOf()
    store.transaction(() => {
      for (const id of ['vpc-1', 'vpc-2', 'vpc-5', 'vpc-6']) store.vpcs.remove(id)
    })
    insert('vpc-13')
    const second = pageOf(token)
    expect([second.ids, pageOf(second.token)]).toEqual([
      ['7', '8', '9', '10', '11'],
      { ids: ['12', '13'], token: undefined },
    ])
  })

  test('give no token after a full page when the rest does not pass the filters', () => {
    expect(pageOf(undefined, (id) => Number(id.slice(4)) <= 5)).toEqual({
      ids: ['1', '2', '3', '4', '5'],
      token: undefined,
    })
  })

  test.each([
    ['x'],
    ['bm90IGpzb24'],
    [Buffer.from('"text"').toString('base64url')],
    [Buffer.from('-1').toString('base64url')],
  ])('refuse the token %s', (token) => {
    expect(() => pageOf(token)).toThrow(expect.objectContaining({ code: 'InvalidNextToken' }))
  })

  test.each([[4], [1001]])('refuse %d records a page', (MaxResults) => {
    expect(() => readPage(store.vpcs, scope, { MaxResults }, (all) => [...all])).toThrow(
      expect.objectContaining({
        code: 'InvalidParameterValue',
        message: `Value (${MaxResults}) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
      }),
    )
  })
})

test('pages of a list go by its keys, whether or not the last one shown is still there', () => {
  const letters = ['c', 'a', 'e', 'b', 'd', 'f', 'h', 'g']
  const first = takePage(letters, { MaxResults: 5 }, (letter) => letter)
  expect(first.records).toEqual(['a', 'b', 'c', 'd', 'e'])
  const rest = letters.filter((letter) => letter !== 'e')
  expect(takePage(rest, { MaxResults: 5, ...first.token }, (letter) => letter)).toEqual({
    records: ['f', 'g', 'h'],
    token: {},
  })
})
