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
  refuseTooLarge(head.readBigUInt64BE(24), maximumVirtualBytes)
  const tables = [
    { offset: head.readBigUInt64BE(40), bytes: BigInt(head.readUInt32BE(36)) * BigInt(entryBytes) },
    { offset: head.readBigUInt64BE(48), bytes: BigInt(head.readUInt32BE(56)) << BigInt(bits) },
  ]
  if (tables.some(({ offset, bytes }) => offset + bytes > BigInt(sizeBytes))) {
    throw invalid('its tables reach beyond the end of the file: it is truncated or damaged')
  }
}
