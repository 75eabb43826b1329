import { open } from 'node:fs/promises'
import { luksHeaderBytes } from './luks-header.ts'

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
const encryptionHeaderExtension = 0x0537be77
/** `crypt_method` of LUKS. */
const luksMethod = 2
/** QEMU's limit for the name of a backing file. */
const maximumBackingPathBytes = 1023

/** An empty disk, over another qcow2 or over nothing. */
export interface EmptyDisk {
  readonly sizeBytes: number
  readonly backingPath?: string
  /** The key of the backing file, when that is encrypted. */
  readonly backingKeyId?: string
  /** What makes it an encrypted one (luks-header.ts). */
  readonly luksHeader?: Buffer
}

/**
 * How a qcow2 names what it stands on: an encrypted file with the QEMU object that has its key, so that whoever opens the top of a chain
 * needs the keys and nothing more. The object's id is the key's.
 */
export function backingNameOf({
  backingPath = '',
  backingKeyId,
}: Pick<EmptyDisk, 'backingPath' | 'backingKeyId'>): string {
  if (backingKeyId === undefined) return backingPath
  return `json:${JSON.stringify({
    driver: 'qcow2',
    encrypt: { format: 'luks', 'key-secret': backingKeyId },
    file: { driver: 'file', filename: backingPath },
  })}`
}

/** The path in a name that `backingNameOf` has made. */
export function pathOfBackingName(name: string): string {
  if (!name.startsWith('json:')) return name
  const { file } = JSON.parse(name.slice('json:'.length)) as { file: { filename: string } }
  return file.filename
}

/**
 * The bytes of an empty qcow2: header, reference counts, and an L1 table of zeros (QEMU documentation, docs/interop/qcow2.txt,
 * version 3). The same file that `qemu-img create -f qcow2 -o compat=1.1,lazy_refcounts=on -b BACKING -F qcow2` makes, without the tens of
 * milliseconds that starting a program costs every launch. Pure.
 */
export function emptyQcow2(disk: EmptyDisk): Buffer {
  const { sizeBytes, luksHeader } = disk
  const backing = Buffer.from(backingNameOf(disk))
  if (backing.length > maximumBackingPathBytes) {
    throw new Error(`the name of a backing file is longer than ${maximumBackingPathBytes} bytes: ${disk.backingPath}`)
  }
  const l1Entries = Math.ceil(sizeBytes / l1EntryCoverage)
  const l1Clusters = Math.max(1, Math.ceil((l1Entries * entryBytes) / clusterBytes))
  const [refcountTable, refcountBlock, l1Table] = [1, 2, 3]
  const luksStart = l1Table + l1Clusters
  const clusters = luksStart + (luksHeader ? Math.ceil(luksHeaderBytes / clusterBytes) : 0)
  const image = Buffer.alloc(clusters * clusterBytes)
  const extensions = [
    ...(backing.length === 0 ? [] : [extension(backingFormatExtension, Buffer.from('qcow2'))]),
    ...(luksHeader ? [extension(encryptionHeaderExtension, placeOf(luksStart * clusterBytes, luksHeaderBytes))] : []),
  ]
  const end = extension(0, Buffer.alloc(0))
  const tail = Buffer.concat([...extensions, end, backing])
  tail.copy(image, headerBytes)
  image.write('QFI\xfb', 'latin1')
  image.writeUInt32BE(3, 4)
  if (backing.length > 0) image.writeBigUInt64BE(BigInt(headerBytes + tail.length - backing.length), 8)
  image.writeUInt32BE(backing.length, 16)
  image.writeUInt32BE(clusterBits, 20)
  image.writeBigUInt64BE(BigInt(sizeBytes), 24)
  if (luksHeader) {
    image.writeUInt32BE(luksMethod, 32)
    luksHeader.copy(image, luksStart * clusterBytes)
  }
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
function extension(type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8)
  bytes.writeUInt32BE(type, 0)
  bytes.writeUInt32BE(data.length, 4)
  data.copy(bytes, 8)
  return bytes
}

function placeOf(offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64BE(BigInt(offset))
  bytes.writeBigUInt64BE(BigInt(length), 8)
  return bytes
}
