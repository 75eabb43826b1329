import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeAccessKey } from '../../../../src/ec2/access/access-key.ts'
import { findCredential } from '../../../../src/ec2/access/find-credential.ts'
import { createSessionVault, type SessionClaims } from '../../../../src/ec2/access/session-vault.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { systemRandom } from '../../../../src/host/random.ts'
import { openStore } from '../../../../src/store/store.ts'

let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-access-'))
  store = openStore(join(directory, 'kiln.db'))
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

const accountId = '123456789012'
const now = new Date('2026-11-25T10:00:00Z')
const sessions = createSessionVault(Buffer.alloc(32, 7))
const nonce = Buffer.from('nonce')

function claimsOf(accessKeyId: string): SessionClaims {
  return { accountId, parent: { accessKeyId }, isReadOnly: false, expiresAt: new Date(now.getTime() + 1000) }
}

function putKey() {
  const key = makeAccessKey(systemRandom, now, { accountId })
  store.transaction(() => store.accessKeys.put(key))
  return key
}

test('temporary credentials are good until they expire, also after the daemon was started anew', () => {
  const { accessKeyId, sessionToken, secretAccessKey } = sessions.issue(claimsOf(putKey().id), nonce)
  const later = createSessionVault(Buffer.alloc(32, 7))
  const at = (ms: number) =>
    findCredential({ store, sessions: later }, accessKeyId, sessionToken, new Date(now.getTime() + ms))
  expect([at(999)?.secret, at(999)?.isExpired, at(1000)?.isExpired]).toEqual([secretAccessKey, false, true])
})

test('temporary credentials end with the key that they were got with', () => {
  const key = putKey()
  const { accessKeyId, sessionToken } = sessions.issue(claimsOf(key.id), nonce)
  store.transaction(() => store.accessKeys.remove(key.id))
  expect(findCredential({ store, sessions }, accessKeyId, sessionToken, now)).toBeUndefined()
})

test('a token that another secret has signed, or that is no token, is nothing', () => {
  const key = putKey()
  const foreign = createSessionVault(Buffer.alloc(32, 8)).issue(claimsOf(key.id), nonce)
  for (const token of [foreign.sessionToken, '', 'AAAA', 'a'.repeat(10_000), '{"a":1}']) {
    expect(findCredential({ store, sessions }, foreign.accessKeyId, token, now)).toBeUndefined()
  }
  expect(findCredential({ store, sessions }, key.id, 'AAAA', now)).toBeUndefined()
})

test('the same claims and nonce give the same credentials, another nonce others', () => {
  const claims = claimsOf('AKIA')
  expect(sessions.issue(claims, nonce)).toEqual(sessions.issue(claims, nonce))
  expect(sessions.issue(claims, nonce).secretAccessKey).not.toBe(
    sessions.issue(claims, Buffer.from('other')).secretAccessKey,
  )
})

test('what says who an instance is allows nothing else, and ends with the instance', () => {
  const claims = {
    ...claimsOf(''),
    parent: { instanceId: 'i-01234567' },
    role: { role: 'aws:ec2-instance', session: 'i-01234567' },
  }
  const { accessKeyId, sessionToken } = sessions.issue(claims, nonce)
  const find = () => findCredential({ store, sessions }, accessKeyId, sessionToken, now)
  expect(find()).toBeUndefined()
  putInstance('running')
  expect(find()?.identity).toMatchObject({
    arn: `arn:aws:sts::${accountId}:assumed-role/aws:ec2-instance/i-01234567`,
    isIdentityOnly: true,
  })
  const profiled = sessions.issue({ ...claims, parent: { instanceId: 'i-01234567', profile: 'web' } }, nonce)
  expect(findCredential({ store, sessions }, profiled.accessKeyId, profiled.sessionToken, now)).toBeUndefined()
  store.transaction(() => store.instances.remove('i-01234567'))
  putInstance('terminated')
  expect(find()).toBeUndefined()
})

function putInstance(state: InstanceRecord['state']): void {
  const record = { id: 'i-01234567', accountId, region: 'us-east-1', state } as InstanceRecord
  store.transaction(() => store.instances.insert(record))
}
