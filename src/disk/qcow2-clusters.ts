import { type FileHandle, open } from 'node:fs/promises'
import { invalid } from './invalid-image.ts'

/** Bits of entries of L1, L2 and refcount tables (QEMU documentation, docs/interop/qcow2.txt). */
const offsetHighMask = 0x00ffffff
const offsetLowMask = 0xfffffe00
const compressedFlag = 0x40000000
/** Of `incompatible_features`: entries of L2 tables have another 8 bytes. */
const extendedL2 = 0b10000n
const entryBytes = 8
/** Of a bitmap: more clusters than that are more than any disk has. */
const mostClusters = 2 ** 30

/** A qcow2 whose header has been found harmless. */
interface Tables {
  readonly file: FileHandle
  readonly clusterBytes: number
  readonly sizeBytes: number
}

/**
 * Refuses a qcow2 that uses a cluster twice: L1 entries that lead to one L2 table, a table that is its own data, entries that all name one
 * cluster. `qemu-img check` is content when the reference counts say so too, and a file of some KiB becomes a disk of TiB, or keeps a
 * processor busy for an hour. What lies beyond the end of the file is left to `qemu-img check`.
 */
export async function refuseSharedClusters(path: string, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'r')
  try {
    const { size: sizeBytes } = await file.stat()
    const header = await readAt(file, 0, 104)
    const clusterBytes = 2 ** header.readUInt32BE(20)
    const isExtended = header.readUInt32BE(4) === 3 && (header.readBigUInt64BE(72) & extendedL2) !== 0n
    await lookAt({ file, clusterBytes, sizeBytes }, header, isExtended ? 2 * entryBytes : entryBytes, signal)
  } finally {
    await file.close()
  }
}

async function lookAt(tables: Tables, header: Buffer, l2EntryBytes: number, signal: AbortSignal): Promise<void> {
  const { file, clusterBytes, sizeBytes } = tables
  const used = createUse(tables)
  const l1 = { offset: Number(header.readBigUInt64BE(40)), bytes: header.readUInt32BE(36) * entryBytes }
  const refcounts = { offset: Number(header.readBigUInt64BE(48)), bytes: header.readUInt32BE(56) * clusterBytes }
  used.take(0)
  for (const { offset, bytes } of [l1, refcounts]) {
    for (let at = 0; at < bytes; at += clusterBytes) used.take(offset + at)
  }
  const refcountTable = await readAt(file, refcounts.offset, refcounts.bytes)
  for (let at = 0; at < refcountTable.length; at += entryBytes) {
    const offset = offsetAt(refcountTable, at)
    if (offset !== 0) used.take(offset)
  }
  const l1Table = await readAt(file, l1.offset, l1.bytes)
  for (let at = 0; at < l1Table.length; at += entryBytes) {
    const l2Offset = offsetAt(l1Table, at)
    if (l2Offset === 0 || l2Offset >= sizeBytes) continue
    signal.throwIfAborted()
    used.take(l2Offset)
    const l2Table = await readAt(file, l2Offset, clusterBytes)
    for (let entry = 0; entry < l2Table.length; entry += l2EntryBytes) {
      // Compressed clusters share those of the file as a rule.
      if ((l2Table.readUInt32BE(entry) & compressedFlag) !== 0) continue
      const offset = offsetAt(l2Table, entry)
      if (offset !== 0) used.take(offset)
    }
  }
}

/** Remembers which clusters of a file are in use. */
function createUse({ clusterBytes, sizeBytes }: Tables): { take(offset: number): void } {
  const count = Math.ceil(sizeBytes / clusterBytes)
  if (count > mostClusters) throw invalid(`it has ${count} clusters; at most ${mostClusters} are looked at`)
  const bitmap = new Uint8Array(Math.ceil(count / 8))
  return {
    take: (offset) => {
      const cluster = Math.floor(offset / clusterBytes)
      if (cluster >= count) return
      const [byte, bit] = [cluster >>> 3, 1 << (cluster & 7)]
      const before = bitmap[byte] ?? 0
      if ((before & bit) !== 0) throw invalid(`its cluster at ${offset} is used more than once`)
      bitmap[byte] = before | bit
    },
  }
}

/** Without the flags. The numbers are read in halves: an image has tens of millions of them. */
function offsetAt(table: Buffer, at: number): number {
  return (table.readUInt32BE(at) & offsetHighMask) * 2 ** 32 + ((table.readUInt32BE(at + 4) & offsetLowMask) >>> 0)
}

/** Zeros where the file has ended. */
async function readAt(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes)
  await file.read(buffer, 0, bytes, offset)
  return buffer
}
