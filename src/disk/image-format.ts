import { open } from 'node:fs/promises'
import { Ec2Error } from '../ec2/errors.ts'
import type { DiskFormat } from './qemu-img.ts'

/** What a file is, by its first bytes: a disk, an archive with a disk in it, or a compressed file. */
export type FileFormat = DiskFormat | 'gzip' | 'xz' | 'zstd' | 'ova'

const sectorBytes = 512

/**
 * Tells the format from the content; the name says nothing. What is neither a known container nor a disk with a partition table
 * or a file system is refused with InvalidDiskImage. So is every image that would make QEMU open another file: a qcow2 with a backing
 * or an external data file, a VMDK whose extents lie outside (CVE-2024-32498 and its kind).
 */
export async function detectFormat(path: string): Promise<FileFormat> {
  const { head, tail, sizeBytes } = await readEnds(path)
  if (sizeBytes < sectorBytes) throw invalid('it is too small to be a disk')
  if (head.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return 'gzip'
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]))) return 'xz'
  if (head.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  if (head.readUInt32BE(0) === 0x514649fb) {
    refuseHostileQcow2(head, sizeBytes)
    return 'qcow2'
  }
  if (head.toString('latin1', 0, 4) === 'KDMV') {
    refuseHostileVmdk(head)
    return 'vmdk'
  }
  if (head.toString('latin1', 0, 21) === '# Disk DescriptorFile') {
    throw invalid('it is a VMDK descriptor whose data lies in other files; convert it to one monolithic file first')
  }
  if (head.toString('latin1', 0, 8) === 'vhdxfile') return 'vhdx'
  if (head.toString('latin1', 0, 8) === 'conectix' || tail.toString('latin1', 0, 8) === 'conectix') return 'vpc'
  if (head.toString('latin1', 257, 262) === 'ustar') return 'ova'
  if (hasDiskSignature(head)) return 'raw'
  throw invalid('it is neither qcow2, VMDK, VHD, VHDX, OVA nor a raw disk with a partition table or file system')
}

async function readEnds(path: string): Promise<{ head: Buffer; tail: Buffer; sizeBytes: number }> {
  const file = await open(path, 'r')
  try {
    const { size: sizeBytes } = await file.stat()
    const head = Buffer.alloc(64 * 1024)
    await file.read(head, 0, head.length, 0)
    const tail = Buffer.alloc(sectorBytes)
    if (sizeBytes >= sectorBytes) await file.read(tail, 0, sectorBytes, sizeBytes - sectorBytes)
    return { head, tail, sizeBytes }
  } finally {
    await file.close()
  }
}

/** QEMU documentation, docs/interop/qcow2.txt. */
function refuseHostileQcow2(head: Buffer, sizeBytes: number): void {
  const version = head.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw invalid(`its qcow2 version is ${version}; 2 and 3 are known`)
  if (head.readBigUInt64BE(8) !== 0n) throw invalid('it has a backing file; flatten it with `qemu-img convert` first')
  if (head.readUInt32BE(32) !== 0) throw invalid('it is encrypted')
  const externalDataFile = 4n
  if (version === 3 && (head.readBigUInt64BE(72) & externalDataFile) !== 0n) {
    throw invalid('it keeps its data in an external file; flatten it with `qemu-img convert` first')
  }
  const entryBytes = 8
  if (head.readUInt32BE(36) * entryBytes > sizeBytes)
    throw invalid('its tables are larger than the file: it is truncated or damaged')
}

/** VMware's "Virtual Disk Format 5.0": a sparse extent names its descriptor's place in sectors at 28 and 36. */
function refuseHostileVmdk(head: Buffer): void {
  const offset = Number(head.readBigUInt64LE(28)) * sectorBytes
  const length = Number(head.readBigUInt64LE(36)) * sectorBytes
  if (offset === 0) throw invalid('it is a VMDK extent without its descriptor')
  const descriptor = head.toString('latin1', offset, Math.min(offset + length, head.length))
  const kind = /createType\s*=\s*"([^"]*)"/.exec(descriptor)?.[1]
  if (kind !== 'monolithicSparse' && kind !== 'streamOptimized') {
    throw invalid(
      `it is a VMDK of type ${kind ?? 'unknown'}; monolithicSparse and streamOptimized are one file and can be imported`,
    )
  }
  const parent = /parentFileNameHint/.test(descriptor)
  if (parent) throw invalid('it stands on a parent VMDK; consolidate it first')
}

function hasDiskSignature(head: Buffer): boolean {
  const hasBootSignature = head.readUInt16LE(510) === 0xaa55
  const hasGpt = head.toString('latin1', 512, 520) === 'EFI PART'
  const hasExt = head.readUInt16LE(1024 + 56) === 0xef53
  const hasXfs = head.toString('latin1', 0, 4) === 'XFSB'
  return hasBootSignature || hasGpt || hasExt || hasXfs
}

/** `Why` completes "The file is not a disk image that can be imported: …". */
export function invalid(why: string): Ec2Error {
  return new Ec2Error('InvalidDiskImage', `The disk image cannot be imported: ${why}`)
}
