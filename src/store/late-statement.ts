import type Database from 'better-sqlite3'

/** A statement of SQLite that is compiled when it is first used. */
export interface LateStatement<Parameters extends unknown[], Row> {
  get(...parameters: Parameters): Row | undefined
  all(...parameters: Parameters): Row[]
  run(...parameters: Parameters): Database.RunResult
}

/**
 * Prepares a statement of which it is not known whether it is ever used: each table has dozens, a daemon that starts needs few of them.
 * With `pluck` a row is its first column.
 */
export function prepareLate<Parameters extends unknown[], Row = unknown>(
  database: Database.Database,
  sql: string,
  { pluck = false }: { pluck?: boolean } = {},
): LateStatement<Parameters, Row> {
  let compiled: Database.Statement<Parameters, Row> | undefined
  const compile = () => {
    const statement = database.prepare<Parameters, Row>(sql)
    return pluck ? statement.pluck() : statement
  }
  const statement = () => (compiled ??= compile())
  return {
    get: (...parameters) => statement().get(...parameters),
    all: (...parameters) => statement().all(...parameters),
    run: (...parameters) => statement().run(...parameters),
  }
}
