import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defineAccountSetting } from '../../../src/ec2/account-setting.ts'
import { openStore } from '../../../src/store/store.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-account-setting-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

test('keeps a setting for one account in one region, and has the default for the others', () => {
  const store = openStore(join(directory, 'kiln.db'))
  const setting = defineAccountSetting('colour', { name: 'red' })
  const ours = { accountId: '123456789012', region: 'us-east-1' }
  setting.put(store, ours, { name: 'blue' })
  expect(setting.get(store, ours)).toEqual({ name: 'blue' })
  expect(setting.get(store, { ...ours, region: 'eu-west-1' })).toEqual({ name: 'red' })
  expect(setting.get(store, { ...ours, accountId: '210987654321' })).toEqual({ name: 'red' })
  store.close()
})
