import { type FileHandle, open } from 'node:fs/promises'
import { invalid } from './invalid-image.ts'
import { refuseHostileQcow2 } from './qcow2-header.ts'
import type { DiskFormat } from './qemu-img.ts'
import { hasDiskSignature, refuseTruncatedRaw } from './raw-disk.ts'
import { refuseDifferencingVhdx } from './vhdx-header.ts'
import { refuseHostileVmdk } from './vmdk-header.ts'

/** What a file is, by its first bytes: a disk, an archive with a disk in it, or a compressed file. */
export type FileFormat = DiskFormat | 'gzip' | 'xz' | 'zstd' | 'ova'

const sectorBytes = 512
/** Up to the superblock of btrfs, the last signature that is looked for. */
const headBytes = 128 * 1024

/**
 * Tells the format from the content; the name says nothing. What is neither a known container nor a disk with a partition table
 * or a file system is refused with InvalidDiskImage. So is every image that would make QEMU open another file: a qcow2 with a backing
 * or an external data file, a VMDK whose extents lie outside, a VHD or VHDX with a parent (CVE-2024-32498 and its kind); one larger than
 * `maximumVirtualBytes`; and one whose end is missing, as far as its header tells.
 */
export async function detectFormat(path: string, maximumVirtualBytes: number): Promise<FileFormat> {
  const { head, tail, sizeBytes } = await readEnds(path)
  if (sizeBytes < sectorBytes) throw invalid('it is too small to be a disk')
  if (head.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return 'gzip'
  if (head.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]))) return 'xz'
  if (head.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  if (head.readUInt32BE(0) === 0x514649fb) {
    refuseHostileQcow2(head, sizeBytes, maximumVirtualBytes)
    return 'qcow2'
  }
  if (head.toString('latin1', 0, 4) === 'KDMV') {
    refuseHostileVmdk(head)
    return 'vmdk'
  }
  if (head.toString('latin1', 0, 21) === '# Disk DescriptorFile') {
    throw invalid('it is a VMDK descriptor whose data lies in other files; convert it to one monolithic file first')
  }
  if (head.toString('latin1', 0, 8) === 'vhdxfile') {
    await withFile(path, refuseDifferencingVhdx)
    return 'vhdx'
  }
  if (isVhdFooter(head) || isVhdFooter(tail)) {
    refuseIncompleteVhd(head, tail)
    return 'vpc'
  }
  if (head.toString('latin1', 257, 262) === 'ustar') return 'ova'
  if (hasDiskSignature(head)) {
    refuseTruncatedRaw(head, sizeBytes)
    return 'raw'
  }
  throw invalid('it is neither qcow2, VMDK, VHD, VHDX, OVA nor a raw disk with a partition table or file system')
}

async function readEnds(path: string): Promise<{ head: Buffer; tail: Buffer; sizeBytes: number }> {
  return await withFile(path, async (file) => {
    const { size: sizeBytes } = await file.stat()
    const head = Buffer.alloc(headBytes)
    await file.read(head, 0, head.length, 0)
    const tail = Buffer.alloc(sectorBytes)
    if (sizeBytes >= sectorBytes) await file.read(tail, 0, sectorBytes, sizeBytes - sectorBytes)
    return { head, tail, sizeBytes }
  })
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r')
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

function isVhdFooter(sector: Buffer): boolean {
  return sector.toString('latin1', 0, 8) === 'conectix'
}

/** Microsoft's "Virtual Hard Disk Image Format": a growing disk repeats at its start the footer that ends it. */
function refuseIncompleteVhd(head: Buffer, tail: Buffer): void {
  if (!isVhdFooter(tail)) throw invalid('its end is missing: it is truncated')
  const typeOffset = 60
  const differencing = 4
  for (const footer of [head, tail]) {
    if (isVhdFooter(footer) && footer.readUInt32BE(typeOffset) === differencing) {
      throw invalid('it is a differencing VHD that stands on a parent; merge it first')
    }
  }
}
