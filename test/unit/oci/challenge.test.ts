import { expect, test } from 'vitest'
import { parseChallenge } from '../../../src/oci/challenge.ts'

test.each([
  ['Basic realm="kiln"', { scheme: 'basic' }],
  ['basic', { scheme: 'basic' }],
  [
    'Bearer realm="https://auth.example.org/token?a=b",service="registry",scope="repository:a/b:pull,push"',
    {
      scheme: 'bearer',
      realm: 'https://auth.example.org/token?a=b',
      service: 'registry',
      scope: 'repository:a/b:pull,push',
    },
  ],
  [
    'Negotiate, Bearer realm="https://a/t", service=plain',
    { scheme: 'bearer', realm: 'https://a/t', service: 'plain' },
  ],
  ['Bearer service="no realm", Basic realm="x"', { scheme: 'basic' }],
  [
    String.raw`Bearer realm="https://a/t",service="a \"quoted\" one"`,
    { scheme: 'bearer', realm: 'https://a/t', service: 'a "quoted" one' },
  ],
])('understands %s', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge)
})

test.each([[null], [''], ['Negotiate'], ['Bearer realm="no address"']])('asks nothing of %s', (header) => {
  expect(parseChallenge(header)).toBeUndefined()
})
