import type Database from 'better-sqlite3'
import type { AccessKeyRecord } from '../ec2/access/access-key.ts'
import type { AuditRecord } from '../ec2/audit/audit.ts'
import type { Store } from '../ec2/ports/store.ts'

/** How many calls are kept. */
const auditLimit = 50_000

interface AccessKeyRow extends Omit<AccessKeyRecord, 'isEnabled' | 'isReadOnly'> {
  isEnabled: number
  isReadOnly: number
}

/** Access keys, few and without scope. */
export function createAccessKeyStore(database: Database.Database): Store['accessKeys'] {
  const columns =
    'id, account_id accountId, secret, created_at createdAt, is_enabled isEnabled, is_read_only isReadOnly, description'
  const select = database.prepare<[string], AccessKeyRow>(`SELECT ${columns} FROM access_key WHERE id = ?`)
  const all = database.prepare<[], AccessKeyRow>(`SELECT ${columns} FROM access_key ORDER BY created_at, rowid`)
  const upsert = database.prepare<[string, string, string, string, number, number, string]>(
    `INSERT INTO access_key (id, account_id, secret, created_at, is_enabled, is_read_only, description)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET is_enabled = excluded.is_enabled, description = excluded.description`,
  )
  const remove = database.prepare<[string]>('DELETE FROM access_key WHERE id = ?')
  const recordOf = (row: AccessKeyRow): AccessKeyRecord => ({
    ...row,
    isEnabled: row.isEnabled === 1,
    isReadOnly: row.isReadOnly === 1,
  })
  return {
    find: (id) => {
      const row = select.get(id)
      return row && recordOf(row)
    },
    list: () => all.all().map(recordOf),
    put: ({ id, accountId, secret, createdAt, isEnabled, isReadOnly, description }) => {
      upsert.run(id, accountId, secret, createdAt, Number(isEnabled), Number(isReadOnly), description)
    },
    remove: (id) => {
      remove.run(id)
    },
  }
}

interface AuditRow {
  number: number
  entry: string
}

/** The audit log: the oldest entries go when there are too many. */
export function createAuditStore(database: Database.Database): Store['audit'] {
  const insert = database.prepare<[string, string]>('INSERT INTO audit (operation, entry) VALUES (?, ?)')
  const prune = database.prepare<[number]>('DELETE FROM audit WHERE number <= ?')
  const after = database.prepare<[number, number], AuditRow>(
    'SELECT number, entry FROM audit WHERE number > ? ORDER BY number LIMIT ?',
  )
  const ofOperation = database.prepare<[string, number, number], AuditRow>(
    'SELECT number, entry FROM audit WHERE operation = ? AND number > ? ORDER BY number LIMIT ?',
  )
  return {
    append: (record) => {
      const number = Number(insert.run(record.operation, JSON.stringify(record)).lastInsertRowid)
      prune.run(number - auditLimit)
    },
    after: (query) => {
      const rows =
        query.operation === undefined
          ? after.all(query.after, query.limit)
          : ofOperation.all(query.operation, query.after, query.limit)
      return rows.map(({ number, entry }) => ({ ...(JSON.parse(entry) as Omit<AuditRecord, 'number'>), number }))
    },
  }
}
