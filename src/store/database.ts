import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

const migrationsDirectory = join(import.meta.dirname, 'migrations')

/**
 * Opens the database and brings it to the newest version. WAL with synchronous=FULL: a transaction that has returned survives a
 * power cut. Throws when the file was written by a newer Kiln.
 */
export function openDatabase(path: string): Database.Database {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  migrate(database, path)
  return database
}

/** Migrations go forward only; `user_version` is the number of the last one that was applied. */
function migrate(database: Database.Database, path: string): void {
  const migrations = readdirSync(migrationsDirectory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ number: Number.parseInt(name, 10), file: join(migrationsDirectory, name) }))
  const newest = migrations.at(-1)?.number ?? 0
  const version = Number(database.pragma('user_version', { simple: true }))
  if (version > newest) {
    throw new Error(`${path} was written by a newer Kiln (version ${version}, this one knows ${newest}): upgrade Kiln.`)
  }
  for (const migration of migrations.filter(({ number }) => number > version)) {
    database.transaction(() => {
      database.exec(readFileSync(migration.file, 'utf8'))
      database.pragma(`user_version = ${migration.number}`)
    })()
  }
}
