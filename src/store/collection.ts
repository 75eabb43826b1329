import type Database from 'better-sqlite3'
import type { Collection, ResourceRecord, Scope, Sequenced } from '../ec2/ports/store.ts'

interface Row {
  sequence: number
  document: string
}

/** A collection over one table; `indexes` are paths into the document that an SQL index exists for (migrations/). */
export function createCollection<T extends ResourceRecord, Index extends string = never>(
  database: Database.Database,
  table: string,
  indexes: readonly Index[] = [],
): Collection<T, Index> {
  const byId = database.prepare<[string], Row>(`SELECT sequence, document FROM ${table} WHERE id = ?`)
  const inScope = database.prepare<[string, string], Row>(
    `SELECT sequence, document FROM ${table} WHERE account_id = ? AND region = ? ORDER BY sequence`,
  )
  const countInScope = database
    .prepare<[string, string], number>(`SELECT count(*) FROM ${table} WHERE account_id = ? AND region = ?`)
    .pluck()
  const all = database.prepare<[], Row>(`SELECT sequence, document FROM ${table} ORDER BY sequence`)
  const pageInScope = database.prepare<[string, string, number, number], Row>(
    `SELECT sequence, document FROM ${table} WHERE account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  )
  const byIndex = new Map(
    indexes.map((index) => [
      index,
      database.prepare<[string], Row>(
        `SELECT sequence, document FROM ${table} WHERE json_extract(document, '$.${index}') = ? ORDER BY sequence`,
      ),
    ]),
  )
  const countByIndex = new Map(
    indexes.map((index) => [
      index,
      database
        .prepare<[string], number>(`SELECT count(*) FROM ${table} WHERE json_extract(document, '$.${index}') = ?`)
        .pluck(),
    ]),
  )
  const insertRow = database.prepare<[string, string, string, string]>(
    `INSERT INTO ${table} (id, account_id, region, document) VALUES (?, ?, ?, ?)`,
  )
  const updateRow = database.prepare<[string, string]>(`UPDATE ${table} SET document = ? WHERE id = ?`)
  const deleteRow = database.prepare<[string]>(`DELETE FROM ${table} WHERE id = ?`)

  function recordOf(row: Row): T {
    return JSON.parse(row.document) as T
  }
  function find(id: string): T | undefined {
    const row = byId.get(id)
    return row && recordOf(row)
  }
  return {
    find,
    get(scope: Scope, id: string) {
      const record = find(id)
      return record?.accountId === scope.accountId && record.region === scope.region ? record : undefined
    },
    list: (scope) => inScope.all(scope.accountId, scope.region).map(recordOf),
    count: (scope) => countInScope.get(scope.accountId, scope.region) ?? 0,
    listAll: () => all.all().map(recordOf),
    page: (scope, afterSequence, limit): Sequenced<T>[] =>
      pageInScope
        .all(scope.accountId, scope.region, afterSequence, limit)
        .map((row) => ({ sequence: row.sequence, record: recordOf(row) })),
    listBy: (index, value) => byIndex.get(index)?.all(value).map(recordOf) ?? [],
    countBy: (index, value) => countByIndex.get(index)?.get(value) ?? 0,
    insert: (record) => {
      insertRow.run(record.id, record.accountId, record.region, JSON.stringify(record))
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
