import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'

/** The disk of a machine that counts: it writes the same number into block after block, then the next number, and so on for ever. */
const blocks = 16
const firstSector = 2048
const blockSectors = 8
/** Each block in a cluster of its own: 64 KiB. */
const strideSectors = 128
const sectorBytes = 512

/**
 * The boot sector of that machine: reads the number of the first block, ends the pass that a crash may have broken off, and goes on, with
 * a pause of one tick of the clock (55 ms) between two writes. Each write has ended before the next begins (INT 13h, EDD), so that the
 * disk at any instant holds one number up to some block and the number before it from there on.
 */
export const countingBootSector: readonly number[] = [
  ...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c], // ax, ds, ss = 0; sp = 7c00h
  ...[0xb8, 0x00, 0x10, 0x8e, 0xc0, 0xfb], // es = 1000h, interrupts on
  ...[0xb4, 0x42, 0xbe, 0x5c, 0x7c, 0x52, 0xcd, 0x13, 0x5a], // read the first block
  ...[0x26, 0x66, 0xa1, 0x00, 0x00, 0x66, 0x50], // its number
  ...[0x31, 0xff, 0xb9, 0x00, 0x10, 0xb0, 0xaa, 0xf3, 0xaa], // a block of AAh …
  ...[0x66, 0x58, 0x26, 0x66, 0xa3, 0x00, 0x00], // … that begins with the number
  ...[0xb9, blocks, 0x00], // a pass:
  ...[0x66, 0xc7, 0x06, 0x64, 0x7c, 0x00, 0x08, 0x00, 0x00], // from the first block
  ...[0x51, 0x52, 0xb4, 0x43, 0xb0, 0x00, 0xbe, 0x5c, 0x7c, 0xcd, 0x13, 0x5a, 0x59, 0xf4], // write one, pause
  ...[0x66, 0x81, 0x06, 0x64, 0x7c, strideSectors, 0x00, 0x00, 0x00, 0xe2, 0xe7], // the next block
  ...[0x26, 0x66, 0xff, 0x06, 0x00, 0x00, 0xeb, 0xd3], // the next number, the next pass
  ...[0x10, 0x00, blockSectors, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x08, 0, 0, 0, 0, 0, 0], // what is read and written
]

/** What a counting machine had written when its disk was frozen: one number to compare, for everything before it is there as well. */
export interface Count {
  /** Blocks written since the disk was new. */
  readonly written: number
  /** Of the bytes, for comparing a disk with itself. */
  readonly bytes: Buffer
}

/** The key of an encrypted layer: its id, and the file that it is in. */
export interface Key {
  readonly id: string
  readonly path: string
}

/** How a program of QEMU is told of a qcow2; one that is encrypted stands on nothing. */
export function imageArguments(path: string, key: Key | undefined): string[] {
  if (!key) return ['-f', 'qcow2', path]
  return ['--object', `secret,id=${key.id},file=${key.path}`, '--image-opts', encryptedImage(path, key)]
}

const encryptedImage = (path: string, { id }: Key) =>
  `driver=qcow2,encrypt.format=luks,encrypt.key-secret=${id},file.filename=${path}`

/**
 * Reads the count of a qcow2 with all that it stands on, or of an encrypted one, which stands on nothing. Throws when it is none that ever
 * was on the disk: something was lost.
 */
export async function readCount(path: string, key?: Key): Promise<Count> {
  const copy = `${await mkdtemp(join(tmpdir(), 'kiln-count-'))}/disk.raw`
  const size = ['bs=1M', 'count=3']
  const [image = '', ...options] = imageArguments(path, key).reverse()
  await execa('qemu-img', ['dd', '-U', ...options.reverse(), '-O', 'raw', ...size, `if=${image}`, `of=${copy}`])
  const bytes = await readFile(copy)
  await rm(dirname(copy), { recursive: true })
  const numbers = Array.from({ length: blocks }, (_, index) => readBlock(bytes, index))
  const [first = 0] = numbers
  const last = numbers.at(-1) ?? 0
  const writtenOfPass = numbers.filter((number) => number === first).length
  const isWhole = numbers.every((number, index) => number === (index < writtenOfPass ? first : last))
  if (!isWhole || (writtenOfPass < blocks && last !== first - 1)) {
    throw new Error(`${path} holds what never was on the disk: ${numbers.join(' ')}`)
  }
  return { written: first === 0 ? 0 : (first - 1) * blocks + writtenOfPass, bytes }
}

/** The number of a block counted from 1; 0 when nothing was written there. */
function readBlock(bytes: Buffer, index: number): number {
  const at = (firstSector + index * strideSectors) * sectorBytes
  const block = bytes.subarray(at, at + blockSectors * sectorBytes)
  if (block.every((byte) => byte === 0)) return 0
  if (!block.subarray(4).every((byte) => byte === 0xaa)) throw new Error(`block ${index} is torn`)
  return block.readUInt32LE(0) + 1
}
