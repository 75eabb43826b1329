import Database from 'better-sqlite3'

/** Records copies of a stopped instance, each with an id of its own, in the database of a daemon that does not run. */
export function fillStore(path: string, instanceId: string, count: number): void {
  const database = new Database(path)
  const row = database
    .prepare<[string], { account_id: string; region: string; document: string }>(
      'SELECT account_id, region, document FROM instance WHERE id = ?',
    )
    .get(instanceId)
  if (!row) throw new Error(`${instanceId} is not recorded`)
  const insert = database.prepare('INSERT INTO instance (id, account_id, region, document) VALUES (?, ?, ?, ?)')
  database.transaction(() => {
    for (let index = 0; index < count; index++) {
      const id = `i-${index.toString(16).padStart(17, '0')}`
      const document = JSON.parse(row.document) as Record<string, unknown>
      const own = { ...document, id, reservationId: `r-${id.slice(2)}` }
      insert.run(id, row.account_id, row.region, JSON.stringify(own))
    }
  })()
  database.close()
}
