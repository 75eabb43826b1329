import type Database from 'better-sqlite3'
import type { Candidates, Tag, TagStore } from '../ec2/ports/store.ts'
import { createCandidateReader } from './candidate-reader.ts'

interface TagRow {
  sequence: number
  resource_id: string
  resource_type: string
  key: string
  value: string
}

const scopeAndPlace = 'account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?'
/** A resource has few tags. The pluses keep SQLite from reading all of the scope, which is in order already, instead of them. */
const scopeAndPlaceOfFew = '+account_id = ? AND +region = ? AND +sequence > ? ORDER BY sequence LIMIT ?'

/** Columns that lists of tags are narrowed by, with their index. */
const indexedColumns = {
  key: `tag INDEXED BY tag_by_key WHERE key = ? AND ${scopeAndPlace}`,
  value: `tag INDEXED BY tag_by_value WHERE value = ? AND ${scopeAndPlace}`,
  resourceType: `tag INDEXED BY tag_by_type WHERE resource_type = ? AND ${scopeAndPlace}`,
  resourceId: `tag WHERE resource_id = ? AND ${scopeAndPlaceOfFew}`,
} as const

/** Tags in one table for every kind of resource. */
export function createTagStore(database: Database.Database): TagStore {
  const ofResource = database.prepare<[string], Tag>('SELECT key, value FROM tag WHERE resource_id = ? ORDER BY key')
  const ofResourceInScope = database.prepare<[string, string, string], Tag>(
    'SELECT key, value FROM tag WHERE resource_id = ? AND account_id = ? AND region = ? ORDER BY key',
  )
  const ofResources = database.prepare<[string], TagRow>(
    `SELECT resource_id, tag.key, tag.value FROM json_each(?) wanted CROSS JOIN tag ON resource_id = wanted.value
     ORDER BY resource_id, tag.key`,
  )
  const upsert = database.prepare<[string, string, string, string, string, string, string | null, number | null]>(
    `INSERT INTO tag (account_id, region, resource_id, resource_type, key, value, record_table, record_sequence)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (resource_id, key, account_id, region) DO UPDATE SET value = excluded.value`,
  )
  const ofScope = 'resource_id = ? AND account_id = ? AND region = ?'
  const removeKey = database.prepare<[string, string, string, string]>(`DELETE FROM tag WHERE ${ofScope} AND key = ?`)
  const removeKeyAndValue = database.prepare<[string, string, string, string, string]>(
    `DELETE FROM tag WHERE ${ofScope} AND key = ? AND value = ?`,
  )
  const removeOfResource = database.prepare<[string]>('DELETE FROM tag WHERE resource_id = ?')
  const columns = 'sequence, resource_id, resource_type, key, value'
  const pageInScope = database.prepare<[string, string, number, number], TagRow>(
    `SELECT ${columns} FROM tag WHERE account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  )
  const bySequences = database.prepare<[string], TagRow>(
    `SELECT ${columns} FROM tag WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence`,
  )
  const readCandidates = createTagCandidateReader(database)
  const findPlace = createPlaceFinder(database)
  return {
    of: (resourceId, scope) =>
      scope ? ofResourceInScope.all(resourceId, scope.accountId, scope.region) : ofResource.all(resourceId),
    ofEach: (resourceIds) => {
      const found = new Map<string, Tag[]>()
      for (const { resource_id: id, key, value } of ofResources.all(JSON.stringify([...new Set(resourceIds)]))) {
        const tags = found.get(id)
        if (tags) tags.push({ key, value })
        else found.set(id, [{ key, value }])
      }
      return found
    },
    put: ({ accountId, region }, resourceId, resourceType, tags) => {
      const place = tags.length > 0 ? findPlace(resourceId) : undefined
      for (const { key, value } of tags) {
        const record = [place?.table ?? null, place?.sequence ?? null] as const
        upsert.run(accountId, region, resourceId, resourceType, key, value, ...record)
      }
    },
    remove: ({ accountId, region }, resourceId, tags) => {
      for (const { key, value } of tags) {
        if (value === undefined) removeKey.run(resourceId, accountId, region, key)
        else removeKeyAndValue.run(resourceId, accountId, region, key, value)
      }
    },
    removeAll: (resourceId) => {
      removeOfResource.run(resourceId)
    },
    page: (scope, afterSequence, limit, among = []) => {
      const rows =
        among.length === 0
          ? pageInScope.all(scope.accountId, scope.region, afterSequence, limit)
          : bySequences.all(JSON.stringify(readCandidates(among, scope, afterSequence, limit)))
      return rows.map((row) => ({
        sequence: row.sequence,
        record: { resourceId: row.resource_id, resourceType: row.resource_type, key: row.key, value: row.value },
      }))
    },
  }
}

/** Filters by tag are narrowed by the key; what of it has the value is left to the filter. */
function createTagCandidateReader(database: Database.Database) {
  const statements = new Map(
    Object.entries(indexedColumns).map(([column, from]) => {
      const sql = `SELECT sequence FROM ${from}`
      return [column, database.prepare<[string, string, string, number, number], number>(sql).pluck()]
    }),
  )
  function readColumn(
    column: string,
    values: readonly string[],
  ): ReturnType<Parameters<typeof createCandidateReader>[0]> {
    const statement = statements.get(column)
    if (!statement) throw new Error(`tag has no index ${column}`)
    return ({ accountId, region }, after, limit) =>
      values
        .flatMap((value) => statement.all(value, accountId, region, after, limit))
        .sort((a, b) => a - b)
        .slice(0, limit)
  }
  return createCandidateReader((candidates: Candidates) => {
    if (candidates.kind === 'tag') return readColumn('key', [...new Set(candidates.keys)])
    if (candidates.kind === 'ids') return readColumn('resourceId', [...new Set(candidates.ids)])
    return readColumn(candidates.index, [...new Set(candidates.values)])
  })
}

/** Finds a record by its id in whichever table it is; ids of one prefix are nearly always in one table. */
function createPlaceFinder(database: Database.Database) {
  const tables = database
    .prepare<[], string>(
      `SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c ON c.name = 'document' WHERE t.type = 'table'`,
    )
    .pluck()
    .all()
  const statements = tables.map((table) => ({
    table,
    statement: database.prepare<[string], number>(`SELECT sequence FROM ${table} WHERE id = ?`).pluck(),
  }))
  const known = new Map<string, (typeof statements)[number]>()
  return (id: string): { table: string; sequence: number } | undefined => {
    const prefix = id.slice(0, id.lastIndexOf('-'))
    const expected = known.get(prefix)
    for (const candidate of expected ? [expected, ...statements] : statements) {
      const sequence = candidate.statement.get(id)
      if (sequence === undefined) continue
      known.set(prefix, candidate)
      return { table: candidate.table, sequence }
    }
    return undefined
  }
}
