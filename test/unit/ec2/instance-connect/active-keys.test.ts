import { expect, test } from 'vitest'
import { createActiveKeys } from '../../../../src/ec2/instance-connect/active-keys.ts'

function createKeys() {
  let nowMs = Date.parse('2026-11-30T10:00:00Z')
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => await Promise.resolve() }
  const keys = createActiveKeys(clock)
  return {
    describe: () => keys.describe('i-1'),
    push: (publicKey: string, user = 'ec2-user', instanceId = 'i-1') =>
      keys.push({ instanceId, user, publicKey, caller: 'arn:aws:iam::123456789012:root', requestId: 'request' }),
    afterSeconds: (seconds: number) => (nowMs += seconds * 1000),
  }
}

test('a key is served for a minute, to its instance, for its user', () => {
  const { describe, push, afterSeconds } = createKeys()
  push('ssh-ed25519 AAAA')
  push('ssh-ed25519 BBBB', 'root')
  push('ssh-ed25519 CCCC', 'ec2-user', 'i-2')
  expect(describe()).toMatchInlineSnapshot(`
    {
      "ec2-user": "#Timestamp=1796032860
    #Instance=i-1
    #Caller=arn:aws:iam::123456789012:root
    #Request=request
    ssh-ed25519 AAAA

    ",
      "root": "#Timestamp=1796032860
    #Instance=i-1
    #Caller=arn:aws:iam::123456789012:root
    #Request=request
    ssh-ed25519 BBBB

    ",
    }
  `)
  afterSeconds(59)
  expect(Object.keys(describe())).toEqual(['ec2-user', 'root'])
  afterSeconds(1)
  expect(describe()).toEqual({})
})

test('the same key again is good for another minute', () => {
  const { describe, push, afterSeconds } = createKeys()
  push('ssh-ed25519 AAAA')
  afterSeconds(40)
  push('ssh-ed25519 AAAA')
  afterSeconds(40)
  expect(describe()['ec2-user']?.match(/AAAA/g)).toHaveLength(1)
})

test('an instance has a bounded number of them', () => {
  const { push, afterSeconds } = createKeys()
  const results = Array.from({ length: 51 }, (_, index) => push(`ssh-ed25519 ${index}`))
  expect(results.filter(Boolean)).toHaveLength(50)
  expect(results.at(-1)).toBe(false)
  afterSeconds(60)
  expect(push('ssh-ed25519 50')).toBe(true)
})
