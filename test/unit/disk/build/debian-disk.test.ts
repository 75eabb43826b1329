import { expect, test } from 'vitest'
import { guestSources, sourceLines } from '../../../../src/disk/build/debian-disk.ts'

test('installs security updates from the archive beside the mirror', () => {
  expect(sourceLines('http://deb.debian.org/debian/', 'bookworm')).toEqual([
    'deb http://deb.debian.org/debian bookworm main',
    'deb http://deb.debian.org/debian bookworm-updates main',
    'deb http://deb.debian.org/debian-security bookworm-security main',
  ])
})

test('goes without a security archive where a mirror has its own layout', () => {
  expect(sourceLines('http://mirror.example/d12', 'bookworm')).toEqual([
    'deb http://mirror.example/d12 bookworm main',
    'deb http://mirror.example/d12 bookworm-updates main',
  ])
})

test("points the server's apt to the recipe's mirror", () => {
  expect(guestSources({ mirror: 'http://deb.debian.org/debian', suite: 'trixie' })).toMatchInlineSnapshot(`
    "Types: deb
    URIs: http://deb.debian.org/debian
    Suites: trixie trixie-updates
    Components: main
    Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

    Types: deb
    URIs: http://deb.debian.org/debian-security
    Suites: trixie-security
    Components: main
    Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
    "
  `)
})
