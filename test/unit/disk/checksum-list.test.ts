import { describe, expect, test } from 'vitest'
import { findChecksum, parseChecksumList } from '../../../src/disk/checksum-list.ts'

const a = 'a1'.repeat(32)
const b = 'b2'.repeat(32)
const long = 'c3'.repeat(64)

test('reads SHA512SUMS as Debian publishes it', () => {
  expect(parseChecksumList(`${long}  debian-12-generic-amd64.qcow2\n${long}  debian-12-generic-amd64.raw\n`)).toEqual([
    { file: 'debian-12-generic-amd64.qcow2', checksum: { algorithm: 'sha512', value: long } },
    { file: 'debian-12-generic-amd64.raw', checksum: { algorithm: 'sha512', value: long } },
  ])
})

test('reads the binary mark that Ubuntu puts before names', () => {
  expect(parseChecksumList(`${a} *ubuntu-24.04-server-cloudimg-amd64.img\n`)).toEqual([
    { file: 'ubuntu-24.04-server-cloudimg-amd64.img', checksum: { algorithm: 'sha256', value: a } },
  ])
})

test("reads Fedora's clear-signed list and passes its armour over", () => {
  const text = [
    '-----BEGIN PGP SIGNED MESSAGE-----',
    'Hash: SHA256',
    '',
    '# Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2: 583532544 bytes',
    `SHA256 (Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2) = ${a.toUpperCase()}`,
    '-----BEGIN PGP SIGNATURE-----',
    '',
    'iQIzBAEBCAAdFiEExqkkpEdPMpzQOzLTgRi3ptDkopoFAmTsv0wACgkQgRi3ptDk',
    '=Uh1J',
    '-----END PGP SIGNATURE-----',
  ].join('\r\n')
  expect(parseChecksumList(text)).toEqual([
    { file: 'Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2', checksum: { algorithm: 'sha256', value: a } },
  ])
})

test("reads a bare digest as Alpine's .sha512", () => {
  expect(parseChecksumList(`${long}\n`)).toEqual([{ checksum: { algorithm: 'sha512', value: long } }])
})

test('passes over other algorithms, labels that do not fit and digests of other lengths', () => {
  const text = [
    `MD5 (image.qcow2) = ${'0'.repeat(32)}`,
    `SHA512 (image.qcow2) = ${a}`,
    `${'d'.repeat(40)}  image.qcow2`,
    '<html><body>not here</body></html>',
  ].join('\n')
  expect(parseChecksumList(text)).toEqual([])
})

describe('finding the checksum of a file', () => {
  const list = parseChecksumList(
    [
      `${a}  ./al2023-kvm-2023.9.20251110.1-kernel-6.1-x86_64.xfs.gpt.qcow2`,
      `${b}  al2023-kvm-2023.10.20260105.0-kernel-6.1-x86_64.xfs.gpt.qcow2`,
      `${a}  al2023-kvm-2023.11.20260301.0-kernel-6.1-arm64.xfs.gpt.qcow2`,
    ].join('\n'),
  )

  test('takes the newest version that a pattern matches', () => {
    expect(findChecksum(list, 'al2023-kvm-*-x86_64.xfs.gpt.qcow2', false)).toEqual({
      file: 'al2023-kvm-2023.10.20260105.0-kernel-6.1-x86_64.xfs.gpt.qcow2',
      checksum: { algorithm: 'sha256', value: b },
    })
  })

  test('needs the whole name where there is no pattern', () => {
    expect(findChecksum(list, 'al2023-kvm', false)).toBeUndefined()
  })

  test("takes the only entry of a file's own list, whatever it is called there", () => {
    const own = parseChecksumList(`${a}  openSUSE-Leap-15.6-Minimal-VM.x86_64-15.6.0-Cloud-Build16.1.qcow2`)
    expect(findChecksum(own, 'openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2', true)).toEqual({
      file: 'openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2',
      checksum: { algorithm: 'sha256', value: a },
    })
  })

  test("does not take the only entry of a directory's list for another file", () => {
    expect(findChecksum(parseChecksumList(`${a}  other.qcow2`), 'image.qcow2', false)).toBeUndefined()
  })
})
