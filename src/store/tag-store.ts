import type Database from 'better-sqlite3'
import type { Tag, TagStore } from '../ec2/ports/store.ts'

interface TagRow {
  sequence: number
  resource_id: string
  resource_type: string
  key: string
  value: string
}

/** Tags in one table for every kind of resource. */
export function createTagStore(database: Database.Database): TagStore {
  const ofResource = database.prepare<[string], Tag>('SELECT key, value FROM tag WHERE resource_id = ? ORDER BY key')
  const upsert = database.prepare<[string, string, string, string, string, string]>(
    `INSERT INTO tag (account_id, region, resource_id, resource_type, key, value) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (resource_id, key) DO UPDATE SET value = excluded.value`,
  )
  const removeKey = database.prepare<[string, string]>('DELETE FROM tag WHERE resource_id = ? AND key = ?')
  const removeKeyAndValue = database.prepare<[string, string, string]>(
    'DELETE FROM tag WHERE resource_id = ? AND key = ? AND value = ?',
  )
  const removeOfResource = database.prepare<[string]>('DELETE FROM tag WHERE resource_id = ?')
  const pageInScope = database.prepare<[string, string, number, number], TagRow>(
    `SELECT sequence, resource_id, resource_type, key, value FROM tag
     WHERE account_id = ? AND region = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  )
  return {
    of: (resourceId) => ofResource.all(resourceId),
    put: (scope, resourceId, resourceType, tags) => {
      for (const { key, value } of tags) upsert.run(scope.accountId, scope.region, resourceId, resourceType, key, value)
    },
    remove: (resourceId, tags) => {
      for (const { key, value } of tags) {
        if (value === undefined) removeKey.run(resourceId, key)
        else removeKeyAndValue.run(resourceId, key, value)
      }
    },
    removeAll: (resourceId) => {
      removeOfResource.run(resourceId)
    },
    page: (scope, afterSequence, limit) =>
      pageInScope.all(scope.accountId, scope.region, afterSequence, limit).map((row) => ({
        sequence: row.sequence,
        record: { resourceId: row.resource_id, resourceType: row.resource_type, key: row.key, value: row.value },
      })),
  }
}
