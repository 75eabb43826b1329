import { expect, test } from 'vitest'
import { localHead, readLayerHead } from '../../../../src/disk/blob/canonical-head.ts'
import { emptyQcow2 } from '../../../../src/disk/empty-qcow2.ts'

const gib = 1024 ** 3
const overlayOver = (backingPath: string) => emptyQcow2({ sizeBytes: gib, backingPath })
const readHead = (file: Buffer) => readLayerHead(file, file.length, 16 * gib)

test('overlays over different files have the same canonical head, and get their own name back', () => {
  const [one, two] = ['/kiln/layers/layer-1/disk.qcow2', '/home/x/.local/state/kiln/layers/layer-2/disk.qcow2']
  const head = readHead(overlayOver(one))
  expect(head).toMatchObject({ backingPath: one, virtualSizeBytes: gib })
  expect(head.canonical.includes('layer')).toBe(false)
  expect(readHead(overlayOver(two)).canonical.equals(head.canonical)).toBe(true)
  // What is made for the other host is what that host would have made itself.
  expect(localHead(head.canonical, two).equals(overlayOver(two).subarray(0, head.canonical.length))).toBe(true)
  expect(readHead(emptyQcow2({ sizeBytes: gib })).backingPath).toBeUndefined()
})

test('a canonical head stays as it is, and nothing else does', () => {
  const file = overlayOver('/somewhere')
  const { canonical } = readHead(file)
  expect(readHead(Buffer.concat([canonical, file.subarray(canonical.length)])).canonical.equals(canonical)).toBe(true)
  const hidden = Buffer.from(canonical)
  hidden.write('/etc/passwd', 4096)
  expect(readHead(Buffer.concat([hidden, file.subarray(canonical.length)])).canonical.equals(hidden)).toBe(false)
})

test.each<[string, (head: Buffer) => void, RegExp]>([
  ['encryption', (head) => head.writeUInt32BE(2, 32), /encrypted/],
  ['a data file', (head) => head.writeBigUInt64BE(4n, 72), /external file/],
  ['unknown features', (head) => head.writeBigUInt64BE(1n << 40n, 72), /not known/],
  ['snapshots inside', (head) => head.writeUInt32BE(1, 60), /snapshots inside/],
  ['tables in the header', (head) => head.writeBigUInt64BE(512n, 40), /within its header/],
  ['tables past the end', (head) => head.writeBigUInt64BE(BigInt(gib), 40), /truncated/],
  ['a terabyte', (head) => head.writeBigUInt64BE(BigInt(1024 * gib), 24), /are allowed/],
  ['a longer header', (head) => head.writeUInt32BE(4096, 100), /its header has 4096 bytes/],
  ['version 2', (head) => head.writeUInt32BE(2, 4), /version/],
  ['clusters of gigabytes', (head) => head.writeUInt32BE(30, 20), /first cluster/],
  ['a name outside of the header', (head) => head.writeBigUInt64BE(BigInt(gib), 8), /outside of its header/],
  ['no magic', (head) => head.write('MZ'), /no qcow2/],
])('refuses %s', (_what, change, why) => {
  const file = overlayOver('/somewhere')
  change(file)
  expect(() => readHead(file)).toThrow(why)
})
