import { open } from 'node:fs/promises'

/**
 * Cuts a file that another process appends to (open(2) O_APPEND) down to its last `keptBytes` once it has more than `maximumBytes`.
 * What is written during the cut may be lost or come before the rest. An absent file is left alone. Answers whether it was cut.
 */
export async function keepTail(path: string, limits: { maximumBytes: number; keptBytes: number }): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return false
  try {
    const { size } = await file.stat()
    if (size <= limits.maximumBytes) return false
    const tail = Buffer.alloc(Math.min(size, limits.keptBytes))
    const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length)
    const writer = await open(path, 'a')
    try {
      await writer.truncate(0)
      await writer.writeFile(tail.subarray(0, bytesRead))
    } finally {
      await writer.close()
    }
    return true
  } finally {
    await file.close()
  }
}
