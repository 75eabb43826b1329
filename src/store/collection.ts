import type Database from 'better-sqlite3'
import type { Collection, ResourceRecord, Scope, Sequenced } from '../ec2/ports/store.ts'
import { createRecordCandidateReader } from './candidate-reader.ts'
import { prepareLate } from './late-statement.ts'
import { createMemberIndex } from './member-index.ts'

interface Row {
  sequence: number
  document: string
}

/**
 * A collection over one table; `indexes` are members of the document, as in member-index.ts, that records are looked up and lists are
 * narrowed by. Their SQL indexes are made when they are missing.
 */
export function createCollection<T extends ResourceRecord, Index extends string = never>(
  database: Database.Database,
  table: string,
  indexes: readonly Index[] = [],
): Collection<T, Index> {
  const byMember = new Map<string, ReturnType<typeof createMemberIndex>>(
    indexes.map((member) => [member, createMemberIndex(database, table, member)]),
  )
  const byId = prepareLate<[string], Row>(database, `SELECT sequence, document FROM ${table} WHERE id = ?`)
  const inScope = prepareLate<[string, string], Row>(
    database,
    `SELECT sequence, document FROM ${table} WHERE account_id = ? AND region = ? ORDER BY sequence`,
  )
  const countInScope = prepareLate<[string, string], number>(
    database,
    `SELECT count(*) FROM ${table} WHERE account_id = ? AND region = ?`,
    { pluck: true },
  )
  const all = prepareLate<[], Row>(database, `SELECT sequence, document FROM ${table} ORDER BY sequence`)
  const ids = prepareLate<[], string>(database, `SELECT id FROM ${table} ORDER BY sequence`, { pluck: true })
  const pageInScope = prepareLate<[string, string, number, number], Row>(
    database,
    `SELECT sequence, document FROM ${table} WHERE account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  )
  const bySequences = prepareLate<[string], Row>(
    database,
    `SELECT sequence, document FROM ${table} WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
  )
  const readCandidates = createRecordCandidateReader(database, table, byMember)
  const lookups = new Map<string, ReturnType<typeof createLookup>>(
    [...byMember].map(([member, index]) => [member, createLookup(database, table, member, index)]),
  )
  const insertRow = prepareLate<[string, string, string, string]>(
    database,
    `INSERT INTO ${table} (id, account_id, region, document) VALUES (?, ?, ?, ?)`,
  )
  const placeTags = prepareLate<[number | bigint, string]>(
    database,
    `UPDATE tag SET record_table = '${table}', record_sequence = ? WHERE resource_id = ?`,
  )
  const updateRow = prepareLate<[string, string]>(database, `UPDATE ${table} SET document = ? WHERE id = ?`)
  const deleteRow = prepareLate<[string]>(database, `DELETE FROM ${table} WHERE id = ?`)

  function recordOf(row: Row): T {
    return JSON.parse(row.document) as T
  }
  function find(id: string): T | undefined {
    const row = byId.get(id)
    return row && recordOf(row)
  }
  function lookupOf(index: string): ReturnType<typeof createLookup> {
    const lookup = lookups.get(index)
    if (!lookup) throw new Error(`${table} has no index ${index}`)
    return lookup
  }
  return {
    find,
    get(scope: Scope, id: string) {
      const record = find(id)
      return record?.accountId === scope.accountId && record.region === scope.region ? record : undefined
    },
    list: (scope) => inScope.all(scope.accountId, scope.region).map(recordOf),
    count: (scope) => countInScope.get(scope.accountId, scope.region) ?? 0,
    listIds: () => ids.all(),
    listAll: () => all.all().map(recordOf),
    page: (scope, afterSequence, limit, among = []): Sequenced<T>[] => {
      const rows =
        among.length === 0
          ? pageInScope.all(scope.accountId, scope.region, afterSequence, limit)
          : bySequences.all(JSON.stringify(readCandidates(among, scope, afterSequence, limit)))
      return rows.map(({ sequence, document }) => new StoredRecord<T>(sequence, document))
    },
    listBy: (index, value) => lookupOf(index).one.all(value).map(recordOf),
    listByEach: (index, values) => {
      const found = new Map<string, T[]>()
      for (const row of lookupOf(index).each.all(JSON.stringify([...new Set(values)]))) {
        const records = found.get(row.value)
        if (records) records.push(recordOf(row))
        else found.set(row.value, [recordOf(row)])
      }
      return found
    },
    pageBy: (index, value, afterSequence) =>
      lookupOf(index)
        .after.all(value, afterSequence)
        .map((row) => ({ sequence: row.sequence, record: recordOf(row) })),
    countBy: (index, value) => lookupOf(index).count.get(value) ?? 0,
    insert: (record) => {
      const { lastInsertRowid } = insertRow.run(record.id, record.accountId, record.region, JSON.stringify(record))
      placeTags.run(lastInsertRowid, record.id)
    },
    replace: (record) => {
      if (updateRow.run(JSON.stringify(record), record.id).changes !== 1)
        throw new Error(`${table} ${record.id} is not recorded`)
    },
    remove: (id) => {
      deleteRow.run(id)
    },
  }
}

/** A record that is parsed each time it is looked at: a page of thousands is not in memory as a whole. */
class StoredRecord<T> implements Sequenced<T> {
  readonly sequence: number
  readonly #document: string

  constructor(sequence: number, document: string) {
    this.sequence = sequence
    this.#document = document
  }

  get record(): T {
    return JSON.parse(this.#document) as T
  }
}

/** The statements that look records up by one index. */
function createLookup(
  database: Database.Database,
  table: string,
  member: string,
  { name, expression }: ReturnType<typeof createMemberIndex>,
) {
  const inList = `list_member entry CROSS JOIN ${table} ON ${table}.sequence = entry.sequence`
  const ofList = `entry.table_name = '${table}' AND entry.member = '${member}'`
  const one = name
    ? `${table} INDEXED BY ${name} WHERE ${expression} = ?`
    : `${inList} WHERE ${ofList} AND entry.value = ?`
  const each = name
    ? `json_each(?) wanted CROSS JOIN ${table} INDEXED BY ${name} WHERE ${expression} = wanted.value`
    : `json_each(?) wanted CROSS JOIN ${inList} WHERE ${ofList} AND entry.value = wanted.value`
  const columns = `${table}.sequence, document`
  return {
    one: prepareLate<[string], Row>(database, `SELECT ${columns} FROM ${one} ORDER BY ${table}.sequence`),
    each: prepareLate<[string], Row & { value: string }>(
      database,
      `SELECT wanted.value value, ${columns} FROM ${each} ORDER BY ${table}.sequence`,
    ),
    after: prepareLate<[string, number], Row>(
      database,
      `SELECT ${columns} FROM ${one} AND ${table}.sequence > ? ORDER BY ${table}.sequence`,
    ),
    count: prepareLate<[string], number>(database, `SELECT count(*) FROM ${one}`, { pluck: true }),
  }
}
