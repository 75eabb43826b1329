import { open } from 'node:fs/promises'

/** What QEMU's own default is: an entry of an L2 table of this size names 64 KiB. */
const clusterBits = 16
const clusterBytes = 1 << clusterBits
const entryBytes = 8
/** Bytes of the virtual disk that one L1 entry covers. */
const l1EntryCoverage = (clusterBytes / entryBytes) * clusterBytes
const refcountBytes = 2
/** Reference counts are written seldom, as `qemu-img create -o lazy_refcounts=on` would have it. */
const lazyRefcounts = 1n
/** Of version 3 with a compression type. */
const headerBytes = 112
const backingFormatExtension = 0xe2792aca
/** QEMU's limit for the name of a backing file. */
const maximumBackingPathBytes = 1023

/** An empty disk, over another qcow2 or over nothing. */
export interface EmptyDisk {
  readonly sizeBytes: number
  readonly backingPath?: string
}

/**
 * The bytes of an empty qcow2: header, reference counts, and an L1 table of zeros (QEMU documentation, docs/interop/qcow2.txt,
 * version 3). The same file that `qemu-img create -f qcow2 -o compat=1.1,lazy_refcounts=on -b BACKING -F qcow2` makes, without the tens of
 * milliseconds that starting a program costs every launch. Pure.
 */
export function emptyQcow2({ sizeBytes, backingPath = '' }: EmptyDisk): Buffer {
  const backing = Buffer.from(backingPath)
  if (backing.length > maximumBackingPathBytes) {
    throw new Error(`the path of a backing file is longer than ${maximumBackingPathBytes} bytes: ${backingPath}`)
  }
  const l1Entries = Math.ceil(sizeBytes / l1EntryCoverage)
  const l1Clusters = Math.max(1, Math.ceil((l1Entries * entryBytes) / clusterBytes))
  const [refcountTable, refcountBlock, l1Table] = [1, 2, 3]
  const clusters = l1Table + l1Clusters
  const image = Buffer.alloc(clusters * clusterBytes)
  const extensions = backingPath === '' ? [] : [extension(backingFormatExtension, 'qcow2')]
  const end = extension(0, '')
  const tail = Buffer.concat([...extensions, end, backing])
  tail.copy(image, headerBytes)
  image.write('QFI\xfb', 'latin1')
  image.writeUInt32BE(3, 4)
  if (backing.length > 0) image.writeBigUInt64BE(BigInt(headerBytes + tail.length - backing.length), 8)
  image.writeUInt32BE(backing.length, 16)
  image.writeUInt32BE(clusterBits, 20)
  image.writeBigUInt64BE(BigInt(sizeBytes), 24)
  image.writeUInt32BE(l1Entries, 36)
  image.writeBigUInt64BE(BigInt(l1Table * clusterBytes), 40)
  image.writeBigUInt64BE(BigInt(refcountTable * clusterBytes), 48)
  image.writeUInt32BE(1, 56)
  image.writeBigUInt64BE(lazyRefcounts, 80)
  image.writeUInt32BE(Math.log2(refcountBytes * 8), 96)
  image.writeUInt32BE(headerBytes, 100)
  image.writeBigUInt64BE(BigInt(refcountBlock * clusterBytes), refcountTable * clusterBytes)
  for (let cluster = 0; cluster < clusters; cluster++) {
    image.writeUInt16BE(1, refcountBlock * clusterBytes + cluster * refcountBytes)
  }
  return image
}

/** Writes an empty qcow2 for its owner alone. Rejects when the file exists. */
export async function writeEmptyQcow2(path: string, disk: EmptyDisk): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(emptyQcow2(disk))
  } finally {
    await file.close()
  }
}

/** Type, length, data, filled up to a multiple of eight bytes. */
function extension(type: number, data: string): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8)
  bytes.writeUInt32BE(type, 0)
  bytes.writeUInt32BE(data.length, 4)
  bytes.write(data, 8, 'latin1')
  return bytes
}
