import { open } from 'node:fs/promises'
import { pathOfBackingName } from './empty-qcow2.ts'

/** Where the header of a qcow2 has what (QEMU documentation, docs/interop/qcow2.txt). */
const backingPathOffset = 8
const virtualSizeOffset = 24
const fieldsLength = 32

/** The virtual size of a qcow2 of our own, without the tens of milliseconds that starting qemu-img takes. */
export async function readVirtualSize(path: string): Promise<number> {
  return await readFields(path, (fields) => Number(fields.readBigUInt64BE(virtualSizeOffset)))
}

/** The path of the file that a qcow2 of our own says to stand on. */
export async function readBackingPath(path: string): Promise<string | undefined> {
  return await readFields(path, async (fields, readAt) => {
    const length = fields.readUInt32BE(backingPathOffset + 8)
    if (length === 0) return undefined
    const name = (await readAt(Number(fields.readBigUInt64BE(backingPathOffset)), length)).toString()
    return pathOfBackingName(name)
  })
}

async function readFields<T>(
  path: string,
  read: (fields: Buffer, readAt: (position: number, length: number) => Promise<Buffer>) => T | Promise<T>,
): Promise<T> {
  const file = await open(path, 'r')
  try {
    const readAt = async (position: number, length: number) => {
      const buffer = Buffer.alloc(length)
      await file.read(buffer, 0, length, position)
      return buffer
    }
    return await read(await readAt(0, fieldsLength), readAt)
  } finally {
    await file.close()
  }
}
