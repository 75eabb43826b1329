import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ownFile } from '../host/installation.ts'

const migrationsDirectory = ownFile('store/migrations')

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

const reservedBytes = 2 * 1024 * 1024
/** In pages of 4 KiB: the log begins anew before it has grown past what is reserved. */
const checkpointPages = 400

/**
 * Keeps room for what must be recorded when the disk is full, above all that an instance is terminated. SQLite writes its log and its
 * free pages in place, so a log that once was so long and pages that once were in use need no space when they are written again (on
 * file systems that overwrite in place). Answers whether there was room.
 */
export function reserveSpace(database: Database.Database): boolean {
  try {
    // A daemon that was killed in the middle of this has left it.
    database.exec('DROP TABLE IF EXISTS reserve')
    database.exec(
      `BEGIN; CREATE TABLE reserve (bytes BLOB); INSERT INTO reserve VALUES (zeroblob(${reservedBytes})); COMMIT`,
    )
    database.exec('DROP TABLE reserve')
    database.pragma(`wal_autocheckpoint = ${checkpointPages}`)
    database.pragma('wal_checkpoint(RESTART)')
    return true
  } catch (error) {
    if (!isFull(error)) throw error
    if (database.inTransaction) database.exec('ROLLBACK')
    return false
  }
}

/** Whether opening failed because the file is no database or its pages do not fit together. */
export function isDamagedDatabase(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code))
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL'
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
