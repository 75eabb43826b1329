import { invalid, refuseTooLarge } from './invalid-image.ts'

/** Bits of incompatible_features that a complete image of its own can have: dirty, compression type, extended L2 entries. */
const harmlessFeatures = 0b11001n
const corruptFeature = 0b00010n
const externalDataFile = 0b00100n
/** QEMU takes clusters of 512 bytes to 2 MiB. */
const clusterBits = { least: 9, most: 21 }
const entryBytes = 8

/**
 * Refuses what a qcow2 header must not say, before any tool opens the file (QEMU documentation, docs/interop/qcow2.txt). `head` is the
 * file's start, `sizeBytes` its length.
 */
export function refuseHostileQcow2(head: Buffer, sizeBytes: number, maximumVirtualBytes: number): void {
  const version = head.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw invalid(`its qcow2 version is ${version}; 2 and 3 are known`)
  if (head.readBigUInt64BE(8) !== 0n) throw invalid('it has a backing file; flatten it with `qemu-img convert` first')
  if (head.readUInt32BE(32) !== 0) throw invalid('it is encrypted')
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n
  if ((features & externalDataFile) !== 0n) {
    throw invalid('it keeps its data in an external file; flatten it with `qemu-img convert` first')
  }
  if ((features & corruptFeature) !== 0n) throw invalid('it is marked as corrupt')
  if ((features & ~harmlessFeatures) !== 0n) throw invalid('it needs qcow2 features that are not known')
  const bits = head.readUInt32BE(20)
  if (bits < clusterBits.least || bits > clusterBits.most) throw invalid(`its cluster size is 2^${bits} bytes`)
  const virtualBytes = head.readBigUInt64BE(24)
  refuseTooLarge(virtualBytes, maximumVirtualBytes)
  const l1Entries = head.readUInt32BE(36)
  const tables = [
    { offset: head.readBigUInt64BE(40), bytes: BigInt(l1Entries) * BigInt(entryBytes) },
    { offset: head.readBigUInt64BE(48), bytes: BigInt(head.readUInt32BE(56)) << BigInt(bits) },
  ]
  if (tables.some(({ offset, bytes }) => offset + bytes > BigInt(sizeBytes))) {
    throw invalid('its tables reach beyond the end of the file: it is truncated or damaged')
  }
  if (l1Entries > mostL1Entries(virtualBytes, bits)) {
    throw invalid(`its L1 table has ${l1Entries} entries, many more than its disk needs`)
  }
}

/**
 * Each entry names a table of a cluster's size that is read: a table of millions of them, all the same, keeps a processor busy for an hour.
 * QEMU makes one half as large again as it has to be when it grows, and at least a cluster is what others may round up to.
 */
function mostL1Entries(virtualBytes: bigint, clusterBits: number): number {
  const clusterBytes = 2 ** clusterBits
  const covered = (clusterBytes / entryBytes) * clusterBytes
  return 2 * Math.ceil(Number(virtualBytes) / covered) + clusterBytes / entryBytes
}
