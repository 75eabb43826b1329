import { invalid, refuseTooLarge } from '../invalid-image.ts'
import { refuseHostileQcow2 } from '../qcow2-header.ts'

/** The fields of a version 3 header, with and without the compression type (QEMU documentation, docs/interop/qcow2.txt). */
const headerBytes = { without: 104, with: 112 } as const
const backingFormatExtension = 0xe2792aca
const offsetOf = {
  backingName: 8,
  backingNameLength: 16,
  clusterBits: 20,
  virtualSize: 24,
  l1Table: 40,
  refcountTable: 48,
  snapshotCount: 60,
  snapshots: 64,
  autoclearFeatures: 88,
  headerLength: 100,
} as const
const maximumClusterBits = 21
/** QEMU's limit for the name of a backing file. */
const maximumBackingPathBytes = 1023
/** What must be read of a file to know all of its first cluster. */
export const largestHeadBytes = 1 << maximumClusterBits

/** The first cluster of a layer's file, taken apart. */
export interface LayerHead {
  /** The cluster as every host has it: no name of a backing file, no extensions, zeros after the header. */
  readonly canonical: Buffer
  readonly backingPath?: string
  readonly virtualSizeBytes: number
}

/**
 * Reads the head of a qcow2 of Kiln's own. `start` is the start of the file, as far as `largestHeadBytes`, `sizeBytes` its length. Throws
 * InvalidDiskImage for a file that no layer of Kiln is, whatever it is: encrypted, with a data file, with snapshots inside.
 */
export function readLayerHead(start: Buffer, sizeBytes: number, maximumVirtualBytes: number): LayerHead {
  if (start.length < headerBytes.with || start.readUInt32BE(0) !== 0x514649fb) throw invalid('it is no qcow2 file')
  if (start.readUInt32BE(4) !== 3) throw invalid('its qcow2 version is not 3')
  const length = start.readUInt32BE(offsetOf.headerLength)
  if (length !== headerBytes.without && length !== headerBytes.with) throw invalid(`its header has ${length} bytes`)
  const bits = start.readUInt32BE(offsetOf.clusterBits)
  if (bits > maximumClusterBits || start.length < 2 ** bits) throw invalid('its first cluster is not whole')
  const canonical = Buffer.alloc(2 ** bits)
  start.copy(canonical, 0, 0, length)
  canonical.writeBigUInt64BE(0n, offsetOf.backingName)
  canonical.writeUInt32BE(0, offsetOf.backingNameLength)
  // Bits that a writer who does not know them has to clear: they speak of extensions, which are gone.
  canonical.writeBigUInt64BE(0n, offsetOf.autoclearFeatures)
  refuseHostileQcow2(canonical, sizeBytes, maximumVirtualBytes)
  if (canonical.readUInt32BE(offsetOf.snapshotCount) !== 0) throw invalid('it has snapshots inside')
  canonical.writeBigUInt64BE(0n, offsetOf.snapshots)
  for (const table of [offsetOf.l1Table, offsetOf.refcountTable]) {
    if (canonical.readBigUInt64BE(table) < 2n ** BigInt(bits)) throw invalid('its tables lie within its header')
  }
  const virtualSizeBytes = canonical.readBigUInt64BE(offsetOf.virtualSize)
  refuseTooLarge(virtualSizeBytes, maximumVirtualBytes)
  return { canonical, virtualSizeBytes: Number(virtualSizeBytes), ...readBackingPath(start, bits) }
}

/** The first cluster with the name of the file that the layer stands on here; `canonical` as `readLayerHead` gives it. Pure. */
export function localHead(canonical: Buffer, backingPath: string): Buffer {
  const name = Buffer.from(backingPath)
  if (name.length > maximumBackingPathBytes) throw new Error(`the path of a backing file is too long: ${backingPath}`)
  const head = Buffer.from(canonical)
  let position = head.readUInt32BE(offsetOf.headerLength)
  position = head.writeUInt32BE(backingFormatExtension, position)
  position = head.writeUInt32BE('qcow2'.length, position)
  position += head.write('qcow2', position, 'latin1') + 3
  // Type and length of the end of the extensions are zeros, as is what is there.
  position += 8
  if (position + name.length > head.length) throw invalid('its first cluster has no room for the name of its parent')
  name.copy(head, position)
  head.writeBigUInt64BE(BigInt(position), offsetOf.backingName)
  head.writeUInt32BE(name.length, offsetOf.backingNameLength)
  return head
}

function readBackingPath(start: Buffer, bits: number): Pick<LayerHead, 'backingPath'> {
  const position = start.readBigUInt64BE(offsetOf.backingName)
  if (position === 0n) return {}
  const length = start.readUInt32BE(offsetOf.backingNameLength)
  if (length > maximumBackingPathBytes || position + BigInt(length) > 2n ** BigInt(bits)) {
    throw invalid('the name of its backing file lies outside of its header')
  }
  return { backingPath: start.toString('utf8', Number(position), Number(position) + length) }
}
