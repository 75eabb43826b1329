import Database from 'better-sqlite3'

/** A kind of record that is multiplied: its table, and the word of its tags. */
export interface Kind {
  readonly table: string
  readonly resourceType: string
}

interface Row {
  id: string
  account_id: string
  region: string
  document: string
}

/** So many of the records of a kind have the tag `bench=few`, the others `bench=many`. */
export const fewTagged = 10

/** What is copied with each record of a kind: those of another table whose member names it. */
const companions: Readonly<Record<string, readonly (Kind & { member: string })[]>> = {
  instance: [
    { table: 'volume', resourceType: 'volume', member: 'attachment.instanceId' },
    { table: 'network_interface', resourceType: 'network-interface', member: 'attachment.instanceId' },
  ],
  // A VPC without a main table is one of an earlier Kiln, which the daemon completes at its start.
  vpc: [{ table: 'route_table', resourceType: 'route-table', member: 'vpcId' }],
}

/**
 * Brings the records of each kind to `count` by copies of the oldest one, each with an id, a name and addresses of its own and two tags,
 * in the database of a daemon that does not run. A copied instance has a copied volume and interface, a VPC its main route table.
 */
export function multiplyRecords(path: string, kinds: readonly Kind[], count: number): void {
  const database = new Database(path)
  database.pragma('synchronous = OFF')
  try {
    database.transaction(() => {
      for (const kind of kinds) multiply(database, kind, count)
      spreadTags(database, count)
    })()
  } finally {
    database.close()
  }
}

function multiply(database: Database.Database, kind: Kind, count: number): void {
  const present = database.prepare<[], number>(`SELECT count(*) FROM ${kind.table}`).pluck().get() ?? 0
  const sample = database
    .prepare<[], Row>(`SELECT id, account_id, region, document FROM ${kind.table} ORDER BY sequence LIMIT 1`)
    .get()
  if (!sample) throw new Error(`no ${kind.table} is recorded`)
  const copy = createCopier(database, kind)
  const attached = (companions[kind.table] ?? []).flatMap((of) => {
    const sql = `SELECT id, account_id, region, document FROM ${of.table} WHERE json_extract(document, '$.${of.member}') = ?`
    const copyAttached = createCopier(database, of)
    return database
      .prepare<[string], Row>(sql)
      .all(sample.id)
      .map((row) => ({ row, copyAttached }))
  })
  // Tables do not grow in step: machines that a benchmark has launched and terminated are instances without a volume.
  const tables = [kind.table, ...(companions[kind.table] ?? []).map(({ table }) => table)]
  const first = Math.max(present, ...tables.map((table) => lastCopyOf(database, table) + 1))
  for (let index = first; index < first + count - present; index++) {
    const id = copy(sample, index)
    for (const { row, copyAttached } of attached) {
      copyAttached({ ...row, document: row.document.replaceAll(sample.id, id) }, index)
    }
  }
}

/** What must be unique, or would be told of another record too, gets a value of its own. */
function createCopier(
  database: Database.Database,
  { table, resourceType }: Kind,
): (sample: Row, index: number) => string {
  const insert = database.prepare<[string, string, string, string]>(
    `INSERT INTO ${table} (id, account_id, region, document) VALUES (?, ?, ?, ?)`,
  )
  const insertTag = database.prepare(
    `INSERT INTO tag (account_id, region, resource_id, resource_type, key, value, record_table, record_sequence)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return ({ id: original, account_id: account, region, document }, index) => {
    const id = copiedId(original, index)
    const record = JSON.parse(document.replaceAll(original, id)) as Record<string, unknown>
    const [high, low] = [(index >> 8) & 255, index & 255]
    const own: Record<string, unknown> = {
      name: `copy-${index}`,
      reservationId: copiedId('r-', index),
      privateIp: `10.${(index >> 16) & 255}.${high}.${low}`,
      macAddress: `02:00:00:${[(index >> 16) & 255, high, low].map((part) => part.toString(16).padStart(2, '0')).join(':')}`,
    }
    for (const [member, value] of Object.entries(own)) if (record[member] !== undefined) record[member] = value
    delete record['publicIp']
    const sequence = insert.run(id, account, region, JSON.stringify(record)).lastInsertRowid
    for (const [key, value] of Object.entries({ Name: `${table}-${index}`, bench: 'many' })) {
      insertTag.run(account, region, id, resourceType, key, value, table, sequence)
    }
    return id
  }
}

/** The largest index that a copy in the table has; -1 when there is none. */
function lastCopyOf(database: Database.Database, table: string): number {
  const id = database.prepare<[], string | null>(`SELECT max(id) FROM ${table} WHERE id GLOB '*-b00000*'`).pluck().get()
  return id ? Number.parseInt(id.slice(id.lastIndexOf('-b') + 2), 16) : -1
}

/** The id of a copy: the index in its digits. */
export function copiedId(original: string, index: number): string {
  return `${original.slice(0, original.lastIndexOf('-'))}-b${index.toString(16).padStart(16, '0')}`
}

function spreadTags(database: Database.Database, count: number): void {
  database
    .prepare(
      `UPDATE tag SET value = CASE WHEN record_sequence % ? = 0 THEN 'few' ELSE 'many' END
       WHERE key = 'bench' AND record_table IS NOT NULL`,
    )
    .run(Math.ceil(count / fewTagged))
}
