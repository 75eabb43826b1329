import { expect, test } from 'vitest'
import { formatReference, parseReference } from '../../../../src/ec2/registry/reference.ts'
import { isPlainHost, policyOf } from '../../../../src/ec2/registry/registry-policy.ts'

const digest = `sha256:${'0a'.repeat(32)}`

test.each([
  ['registry.example.org/web', { host: 'registry.example.org', path: 'web', tag: 'latest' }],
  ['localhost:5000/team/web:2', { host: 'localhost:5000', path: 'team/web', tag: '2' }],
  ['localhost/web', { host: 'localhost', path: 'web', tag: 'latest' }],
  ['127.0.0.1:5000/web', { host: '127.0.0.1:5000', path: 'web', tag: 'latest' }],
  ['[::1]:5000/web:a', { host: '[::1]:5000', path: 'web', tag: 'a' }],
  ['Registry.Example.org/web', { host: 'registry.example.org', path: 'web', tag: 'latest' }],
  [`reg.io/a/b:1@${digest}`, { host: 'reg.io', path: 'a/b', tag: '1', digest }],
  [`reg.io/a/b@${digest}`, { host: 'reg.io', path: 'a/b', tag: 'latest', digest }],
])('reads %s', (text, reference) => {
  expect(parseReference(text)).toEqual(reference)
  expect(parseReference(formatReference(parseReference(text)))).toEqual(reference)
})

test.each([
  ['web'],
  ['team/web:1'],
  ['registry.example.org'],
  ['registry.example.org/'],
  ['reg.io/Web'],
  ['reg.io/../etc'],
  ['reg.io/a//b'],
  ['reg.io/web:'],
  ['reg.io/web:a/b'],
  ['reg.io/web@sha256:12'],
  ['http://reg.io/web'],
  ['user@reg.io/web'],
  [`reg.io/${'a/'.repeat(150)}b`],
])('refuses %s', (text) => {
  expect(() => parseReference(text)).toThrow(/for parameter Reference is invalid/)
})

test('the policy with the longest prefix holds, by whole names', () => {
  const policies = ['reg.io', 'reg.io/team', 'other.io'].map((prefix) => ({
    prefix,
    publicKeyFiles: [],
    isSignatureRequired: false,
  }))
  const prefixFor = (path: string) => policyOf(policies, { host: 'reg.io', path })?.prefix
  expect([prefixFor('team/web'), prefixFor('team'), prefixFor('teamster/web')]).toEqual([
    'reg.io/team',
    'reg.io/team',
    'reg.io',
  ])
  expect(policyOf(policies, { host: 'reg.io.evil', path: 'team' })).toBeUndefined()
})

test('only registries of this host are spoken to without TLS, unless the configuration says so', () => {
  const policy = { publicKeyFiles: [], isSignatureRequired: false }
  const policies = [
    { ...policy, prefix: 'lan:5000/team', isInsecure: true },
    { ...policy, prefix: 'localhost:5001', isInsecure: false },
  ]
  const plain = ['localhost', '127.0.0.1:5000', '[::1]:5000', 'lan:5000']
  const secure = ['reg.io', 'localhost.evil.org', '127.0.0.1.evil.org', 'localhost:5001', 'lan:5001']
  expect([...plain, ...secure].filter((host) => isPlainHost(policies, host))).toEqual(plain)
})
