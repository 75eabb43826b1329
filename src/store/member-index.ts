import type Database from 'better-sqlite3'

/**
 * An index over a member of the documents of a table: `state`, `attachment.instanceId`, or each value of a list, `groupIds[]`,
 * `blockDevices[].snapshotId`.
 */
export interface MemberIndex {
  /** Of SQLite's index, to hold its planner to it; absent for lists, which `list_member` has. */
  readonly name: string | undefined
  /** SQL for the member of a document of the table; for single members. */
  readonly expression: string
}

/** Makes the index unless it is there. Derived from the records and from what the code declares, so no migration has to. */
export function createMemberIndex(database: Database.Database, table: string, member: string): MemberIndex {
  const [path = '', inner] = member.split('[]')
  const name = `${table}_where_${member.replaceAll('[]', '_each').replaceAll('.', '_')}`
  const expression = `json_extract(document, '$.${path}')`
  const isList = inner !== undefined
  if (!isThere(database, isList ? `${name}_insert` : name)) {
    if (isList) indexList(database, { table, member, name, path, inner })
    // The scope comes second: whoever asks for everyone's records uses the same index.
    else database.exec(`CREATE INDEX ${name} ON ${table} (${expression}, account_id, region)`)
  }
  return { name: isList ? undefined : name, expression }
}

function isThere(database: Database.Database, name: string): boolean {
  return database.prepare<[string]>('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined
}

/** Triggers keep the rows of a list in `list_member`, whoever writes the record. */
function indexList(
  database: Database.Database,
  { table, member, name, path, inner }: { table: string; member: string; name: string; path: string; inner: string },
): void {
  const value = inner === '' ? 'entry.value' : `json_extract(entry.value, '$${inner}')`
  const rowsOf = (record: string) =>
    `INSERT OR IGNORE INTO list_member (table_name, member, value, account_id, region, sequence)
     SELECT '${table}', '${member}', ${value}, ${record}.account_id, ${record}.region, ${record}.sequence
     FROM ${record === 'NEW' ? '' : `${record}, `}json_each(${record}.document, '$.${path}') entry WHERE ${value} IS NOT NULL;`
  const removal = `DELETE FROM list_member WHERE table_name = '${table}' AND sequence = OLD.sequence AND member = '${member}';`
  database.exec(`
    CREATE TRIGGER ${name}_insert AFTER INSERT ON ${table} BEGIN ${rowsOf('NEW')} END;
    CREATE TRIGGER ${name}_delete AFTER DELETE ON ${table} BEGIN ${removal} END;
    CREATE TRIGGER ${name}_update AFTER UPDATE OF document ON ${table}
      WHEN json_extract(OLD.document, '$.${path}') IS NOT json_extract(NEW.document, '$.${path}')
      BEGIN ${removal} ${rowsOf('NEW')} END;
    ${rowsOf(table)}`)
}
