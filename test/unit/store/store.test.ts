import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InterfaceRecord } from '../../../src/ec2/network-interface/network-interface.ts'
import { isDamagedDatabase } from '../../../src/store/database.ts'
import { openStore } from '../../../src/store/store.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-store-'))
  path = join(directory, 'kiln.db')
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const scope = { accountId: '123456789012', region: 'us-east-1' }
const keyPair = (id: string) => ({
  ...scope,
  id,
  name: id,
  type: 'ed25519' as const,
  fingerprint: '',
  publicKey: '',
  createTime: '2026-01-01T00:00:00.000Z',
})

test('takes everything back when a transaction throws', () => {
  const store = openStore(path)
  expect(() =>
    store.transaction(() => {
      store.keyPairs.insert(keyPair('key-1'))
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(store.keyPairs.list(scope)).toEqual([])
  store.close()
})

test('joins an inner transaction to the outer one', () => {
  const store = openStore(path)
  expect(() =>
    store.transaction(() => {
      store.transaction(() => store.keyPairs.insert(keyPair('key-1')))
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(store.keyPairs.list(scope)).toEqual([])
  store.close()
})

test('keeps what was recorded over a second opening', () => {
  const first = openStore(path)
  first.transaction(() => first.keyPairs.insert(keyPair('key-1')))
  first.close()
  const second = openStore(path)
  expect(second.keyPairs.get(scope, 'key-1')?.name).toBe('key-1')
  second.close()
})

test('does not show a record to another account or region', () => {
  const store = openStore(path)
  store.transaction(() => store.keyPairs.insert(keyPair('key-1')))
  expect(store.keyPairs.get({ ...scope, accountId: '999999999999' }, 'key-1')).toBeUndefined()
  expect(store.keyPairs.get({ ...scope, region: 'eu-west-1' }, 'key-1')).toBeUndefined()
  store.close()
})

test('refuses a database that a newer Kiln has written', () => {
  openStore(path).close()
  const database = new Database(path)
  database.pragma('user_version = 9999')
  database.close()
  expect(() => openStore(path)).toThrow(/newer Kiln.*upgrade/)
})

test('tells a damaged file from other failures', async () => {
  await writeFile(path, 'this is no database'.repeat(1000))
  const failureOf = (work: () => unknown) => {
    try {
      return work()
    } catch (error) {
      return error
    }
  }
  expect(isDamagedDatabase(failureOf(() => openStore(path)))).toBe(true)
  expect(isDamagedDatabase(failureOf(() => openStore(join(directory, 'absent', 'kiln.db'))))).toBe(false)
})

test('has room in its file and its log for what must be recorded on a full disk', async () => {
  const store = openStore(path)
  store.reserveSpace()
  const before = (await stat(path)).size
  const logBefore = (await stat(`${path}-wal`)).size
  for (let index = 0; index < 200; index++) {
    store.transaction(() => store.keyPairs.insert(keyPair(`key-${index}`)))
  }
  expect((await stat(path)).size).toBe(before)
  expect((await stat(`${path}-wal`)).size).toBe(logBefore)
  store.close()
})

test('knows the private addresses of a subnet as interfaces come, change and go', () => {
  const store = openStore(path)
  const elasticInterface = (id: string, privateIp: string): InterfaceRecord => ({
    ...scope,
    id,
    vpcId: 'vpc-1',
    subnetId: 'subnet-1',
    availabilityZone: 'us-east-1a',
    description: '',
    macAddress: '02:00:00:00:00:01',
    privateIp,
    groupIds: [],
    hasSourceDestCheck: true,
    wantsPublicIp: false,
  })
  const one = elasticInterface('eni-1', '10.0.0.4')
  const other = { ...elasticInterface('eni-2', '10.0.0.5'), secondaryIps: [{ privateIp: '10.0.0.6' }] }
  store.transaction(() => {
    store.interfaces.insert(one)
    store.interfaces.insert(other)
    store.interfaces.insert({ ...elasticInterface('eni-3', '10.0.1.4'), subnetId: 'subnet-2' })
  })
  expect(store.subnetAddresses.list('subnet-1')).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.6'])
  expect(store.subnetAddresses.count('subnet-2')).toBe(1)
  store.transaction(() => {
    store.interfaces.replace({ ...one, secondaryIps: [{ privateIp: '10.0.0.7' }, { privateIp: '10.0.0.8' }] })
    store.interfaces.replace({ ...other, secondaryIps: [] })
  })
  expect(store.subnetAddresses.list('subnet-1')).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.7', '10.0.0.8'])
  expect(store.subnetAddresses.has('subnet-1', '10.0.0.6')).toBe(false)
  expect(store.subnetAddresses.has('subnet-1', '10.0.0.8')).toBe(true)
  store.transaction(() => store.interfaces.remove('eni-1'))
  expect(store.subnetAddresses.list('subnet-1')).toEqual(['10.0.0.5'])
  expect(store.subnetAddresses.count('subnet-9')).toBe(0)
  store.close()
})

test('reserves space again after a kill in the middle of it', () => {
  const store = openStore(path)
  const other = new Database(path)
  other.exec('CREATE TABLE reserve (bytes BLOB)')
  store.reserveSpace()
  expect(other.prepare("SELECT name FROM sqlite_schema WHERE name = 'reserve'").all()).toEqual([])
  other.close()
  store.close()
})
