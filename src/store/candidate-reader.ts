import type Database from 'better-sqlite3'
import type { Candidates, Scope } from '../ec2/ports/store.ts'
import { prepareLate } from './late-statement.ts'
import type { MemberIndex } from './member-index.ts'

/** Places of candidates in the order of creation, ascending, after a place; at most `limit`. */
type SequenceReader = (scope: Scope, afterSequence: number, limit: number) => number[]

/** Reads the places of candidates from indexes alone, no record. */
export type CandidateReader = (
  among: readonly Candidates[],
  scope: Scope,
  afterSequence: number,
  limit: number,
) => number[]

/** Candidates of so few records are no worse than any others. */
const few = 256

/** Reads from whichever of several candidates are fewest. */
export function createCandidateReader(readerOf: (candidates: Candidates) => SequenceReader): CandidateReader {
  return (among, scope, afterSequence, limit) => {
    const readers = among.map(readerOf)
    const samples = readers.length > 1 ? readers.map((read) => read(scope, afterSequence, few).length) : [few]
    const fewest = samples.indexOf(Math.min(...samples))
    return readers[fewest]?.(scope, afterSequence, limit) ?? []
  }
}

/** The candidates of a table of records. */
export function createRecordCandidateReader(
  database: Database.Database,
  table: string,
  indexes: ReadonlyMap<string, MemberIndex>,
): CandidateReader {
  const scopeAndPlace = 'account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?'
  // The pluses keep SQLite from reading all of the scope instead of the ids.
  const byIds = prepareLate<[string, string, string, number, number], number>(
    database,
    `SELECT sequence FROM ${table} WHERE id IN (SELECT value FROM json_each(?))
     AND +account_id = ? AND +region = ? AND +sequence > ? ORDER BY sequence LIMIT ?`,
    { pluck: true },
  )
  const byMember = new Map(
    [...indexes].map(([member, { name, expression }]) => {
      const from = name
        ? `${table} INDEXED BY ${name} WHERE ${expression} = ?`
        : `list_member WHERE table_name = '${table}' AND member = '${member}' AND value = ?`
      const sql = `SELECT sequence FROM ${from} AND ${scopeAndPlace}`
      return [member, prepareLate<[string, string, string, number, number], number>(database, sql, { pluck: true })]
    }),
  )
  const tagScopeAndPlace = 'account_id = ? AND region = ? AND record_sequence > ? ORDER BY record_sequence LIMIT ?'
  const byTagValue = prepareLate<[string, string, string, string, number, number], number>(
    database,
    `SELECT record_sequence FROM tag INDEXED BY tag_value_of_record
     WHERE record_table = '${table}' AND key = ? AND value = ? AND ${tagScopeAndPlace}`,
    { pluck: true },
  )
  const byTagKey = prepareLate<[string, string, string, number, number], { sequence: number; value: string }>(
    database,
    `SELECT record_sequence sequence, value FROM tag INDEXED BY tag_key_of_record
     WHERE record_table = '${table}' AND key = ? AND ${tagScopeAndPlace}`,
  )

  return createCandidateReader((candidates) => {
    if (candidates.kind === 'ids') {
      const ids = JSON.stringify(candidates.ids)
      return ({ accountId, region }, after, limit) => byIds.all(ids, accountId, region, after, limit)
    }
    if (candidates.kind === 'member') {
      const statement = byMember.get(candidates.index)
      if (!statement) throw new Error(`${table} has no index ${candidates.index}`)
      return ({ accountId, region }, after, limit) =>
        mergeSequences(
          candidates.values.map((value) => statement.all(value, accountId, region, after, limit)),
          limit,
        )
    }
    const { keys, values, test } = candidates
    return ({ accountId, region }, after, limit) =>
      mergeSequences(
        keys.flatMap((key) => {
          if (values) return values.map((value) => byTagValue.all(key, value, accountId, region, after, limit))
          const read = (place: number) => byTagKey.all(key, accountId, region, place, few + limit)
          return [
            test ? readTested(read, test, after, few + limit, limit) : read(after).map(({ sequence }) => sequence),
          ]
        }),
        limit,
      )
  })
}

/** Reads on in steps until `limit` of the rows have passed the test. */
function readTested(
  read: (afterSequence: number) => { sequence: number; value: string }[],
  test: (value: string) => boolean,
  afterSequence: number,
  step: number,
  limit: number,
): number[] {
  const found: number[] = []
  for (let after = afterSequence; ; ) {
    const rows = read(after)
    for (const { sequence, value } of rows) if (test(value)) found.push(sequence)
    const last = rows.at(-1)
    if (found.length >= limit || rows.length < step || !last) return found.slice(0, limit)
    after = last.sequence
  }
}

function mergeSequences(lists: readonly number[][], limit: number): number[] {
  const [first = []] = lists
  if (lists.length <= 1) return first.slice(0, limit)
  return [...new Set(lists.flat())].sort((a, b) => a - b).slice(0, limit)
}
