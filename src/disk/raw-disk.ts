import { invalid } from './invalid-image.ts'

const sectorBytes = 512
const partitionTable = { offset: 446, entryBytes: 16, entries: 4 }
const protectiveType = 0xee

/** Whether a raw image starts as a disk does: a boot sector, a GPT, or a file system without partitions. */
export function hasDiskSignature(head: Buffer): boolean {
  const hasExt = head.readUInt16LE(1024 + 56) === 0xef53
  const hasXfs = head.toString('latin1', 0, 4) === 'XFSB'
  const hasBtrfs = head.toString('latin1', 0x10040, 0x10048) === '_BHRfS_M'
  return hasBootSignature(head) || hasGpt(head) || hasExt || hasXfs || hasBtrfs
}

/** A raw image has no length of its own: whether its end is missing is told by its partition table only. */
export function refuseTruncatedRaw(head: Buffer, sizeBytes: number): void {
  const endSector = hasGpt(head) ? head.readBigUInt64LE(sectorBytes + 32) + 1n : lastPartitionEnd(head)
  if (endSector * BigInt(sectorBytes) <= BigInt(sizeBytes)) return
  throw invalid(
    `its partition table ends at byte ${endSector * BigInt(sectorBytes)} but the file has ${sizeBytes}: it is truncated`,
  )
}

function hasBootSignature(head: Buffer): boolean {
  return head.readUInt16LE(510) === 0xaa55
}

function hasGpt(head: Buffer): boolean {
  return head.toString('latin1', sectorBytes, sectorBytes + 8) === 'EFI PART'
}

/** In sectors; 0 where the boot sector is a file system's own, with code where a partition table would be. */
function lastPartitionEnd(head: Buffer): bigint {
  if (!hasBootSignature(head)) return 0n
  const entries = Array.from({ length: partitionTable.entries }, (_, index) => {
    const start = partitionTable.offset + index * partitionTable.entryBytes
    return head.subarray(start, start + partitionTable.entryBytes)
  })
  if (entries.some((entry) => entry[0] !== 0 && entry[0] !== 0x80)) return 0n
  const ends = entries
    .filter((entry) => entry[4] !== 0 && entry[4] !== protectiveType)
    .map((entry) => entry.readUInt32LE(8) + entry.readUInt32LE(12))
  return BigInt(Math.max(0, ...ends))
}
