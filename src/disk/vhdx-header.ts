import type { FileHandle } from 'node:fs/promises'
import { invalid } from './invalid-image.ts'

/** Where things are (Microsoft's "[MS-VHDX]", 2.2.3 and 2.6); QEMU reads the first region table only. */
const regionTable = { offset: 192 * 1024, bytes: 64 * 1024, headBytes: 16, entryBytes: 32 }
const metadataTable = { bytes: 64 * 1024, headBytes: 32, entryBytes: 32 }
const metadataRegion = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex')
const fileParameters = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex')
const hasParent = 0b10

/** Refuses a VHDX that stands on another one, which QEMU would say in no words that help. What is damaged is left for QEMU to refuse. */
export async function refuseDifferencingVhdx(file: FileHandle): Promise<void> {
  const regions = await readAt(file, regionTable.offset, regionTable.bytes)
  const region = findEntry(regions, metadataRegion, regionTable)
  if (!region) return
  const regionOffset = Number(region.readBigUInt64LE(16))
  if (!Number.isSafeInteger(regionOffset)) return
  const entry = findEntry(await readAt(file, regionOffset, metadataTable.bytes), fileParameters, metadataTable)
  if (!entry) return
  const parameters = await readAt(file, regionOffset + entry.readUInt32LE(16), 8)
  if ((parameters.readUInt32LE(4) & hasParent) === 0) return
  throw invalid('it is a differencing VHDX that stands on a parent; merge it first')
}

function findEntry(
  table: Buffer,
  id: Buffer,
  { headBytes, entryBytes }: { headBytes: number; entryBytes: number },
): Buffer | undefined {
  for (let at = headBytes; at + entryBytes <= table.length; at += entryBytes) {
    const entry = table.subarray(at, at + entryBytes)
    if (entry.subarray(0, id.length).equals(id)) return entry
  }
  return undefined
}

/** Zeros where the file has ended. */
async function readAt(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes)
  await file.read(buffer, 0, bytes, offset)
  return buffer
}
