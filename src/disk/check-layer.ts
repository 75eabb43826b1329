import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { DiskHost } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { Ec2Error } from '../ec2/errors.ts'
import type { KeyFile, QemuImg } from './qemu-img.ts'

/** What reading a file that is not as it was comes to: it is gone, or the disk cannot read it. */
const faultCodes = new Set(['ENOENT', 'EIO', 'EUCLEAN', 'ENODATA', 'EBADMSG', 'EISDIR'])

/** As DiskHost.checkLayer. */
export async function checkLayer(
  qemuImg: QemuImg,
  { path, key }: { path: string; key?: KeyFile },
  work: WorkOptions,
): ReturnType<DiskHost['checkLayer']> {
  try {
    const sha256 = await digestSlowly(path, work)
    await qemuImg.check(path, 'qcow2', { isForeign: false, signal: work.signal, ...(key ? { key } : {}) })
    return { sha256 }
  } catch (error) {
    work.signal.throwIfAborted()
    const fault = faultOf(error)
    if (fault === undefined) throw error
    return { fault }
  }
}

function faultOf(error: unknown): string | undefined {
  if (error instanceof Ec2Error && error.code === 'InvalidDiskImage') return error.message
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return faultCodes.has(String(error.code)) ? `it cannot be read: ${error.message}` : undefined
}

async function digestSlowly(path: string, { signal, onProgress }: WorkOptions): Promise<string> {
  const hash = createHash('sha256')
  let doneBytes = 0
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 ** 2 })) {
    const bytes = chunk as Buffer
    hash.update(bytes)
    doneBytes += bytes.length
    onProgress({ stage: 'Checking', doneBytes })
  }
  return hash.digest('hex')
}
