import Database from 'better-sqlite3'

/** The state directory is this process's until `release` or its end, however it ends: the kernel drops the lock. */
export interface StateLock {
  release(): void
}

/** Of two daemons that start at the same instant both would fail without waiting for each other's first, shared lock. */
const rivalTimeoutMs = 250

/** Takes the lock of a state directory; undefined when another live daemon has it. */
export function takeStateLock(path: string): StateLock | undefined {
  // SQLite's exclusive lock is fcntl's, which Node does not offer by itself.
  const database = new Database(path, { timeout: rivalTimeoutMs })
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    database.exec('BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER); COMMIT')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')) return undefined
    throw error
  }
}
