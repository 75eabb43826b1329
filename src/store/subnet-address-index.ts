import type Database from 'better-sqlite3'
import type { SubnetAddressIndex } from '../ec2/ports/store.ts'
import { prepareLate } from './late-statement.ts'

/** Reads `subnet_address`, which triggers keep in step with the interfaces (migrations/0013-subnet-address.sql). */
export function createSubnetAddressIndex(database: Database.Database): SubnetAddressIndex {
  const from = 'FROM subnet_address WHERE subnet_id = ?'
  const count = prepareLate<[string], number>(database, `SELECT count(*) ${from}`, { pluck: true })
  const one = prepareLate<[string, string], number>(database, `SELECT 1 ${from} AND address = ?`, { pluck: true })
  const all = prepareLate<[string], string>(database, `SELECT address ${from}`, { pluck: true })
  return {
    count: (subnetId) => count.get(subnetId) ?? 0,
    has: (subnetId, address) => one.get(subnetId, address) !== undefined,
    list: (subnetId) => all.all(subnetId),
  }
}
