import { chmod, copyFile, open, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { LayerFile } from '../../ec2/ports/disk.ts'
import type { WorkOptions } from '../../ec2/ports/work.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../../host/files.ts'
import { diskFile } from '../../host/state-paths.ts'
import { digestFile } from '../download.ts'
import { invalid } from '../invalid-image.ts'
import type { QemuImg } from '../qemu-img.ts'
import { localHead } from './canonical-head.ts'
import { readHead } from './layer-blob.ts'

export interface AdoptRequest {
  readonly blobPath: string
  readonly keepsBlob?: boolean
  readonly directory: string
  readonly stagingDirectory: string
  readonly backingPath?: string
  /** As whoever published it says. */
  readonly virtualSizeBytes: number
}

/** As DiskHost.adoptBlob: checks first, all of it, then the move. */
export async function adoptBlob(
  { qemuImg, maximumVirtualBytes }: { qemuImg: QemuImg; maximumVirtualBytes: number },
  request: AdoptRequest,
  work: WorkOptions,
): Promise<LayerFile> {
  const { blobPath, directory, stagingDirectory, backingPath } = request
  work.onProgress({ stage: 'Verifying' })
  const head = await requireCanonical(blobPath, maximumVirtualBytes)
  if (head.virtualSizeBytes !== request.virtualSizeBytes) {
    throw invalid(`its disk has ${head.virtualSizeBytes} bytes, its image says ${request.virtualSizeBytes}`)
  }
  await qemuImg.check(blobPath, 'qcow2', { isForeign: true, signal: work.signal })
  await fsExtra.remove(stagingDirectory)
  await ensurePrivateDirectory(stagingDirectory)
  try {
    const path = join(stagingDirectory, diskFile.disk)
    await (request.keepsBlob ? copyFile(blobPath, path) : rename(blobPath, path))
    if (backingPath !== undefined) await writeStart(path, localHead(head.canonical, backingPath))
    const sha256 = await digestFile(path, 'sha256', work.signal)
    const { size: fileSizeBytes } = await stat(path)
    await chmod(path, 0o444)
    await syncFile(path)
    await syncDirectory(stagingDirectory)
    work.signal.throwIfAborted()
    await rename(stagingDirectory, directory)
    await syncDirectory(dirname(directory))
    const { virtualSizeBytes } = head
    return { path: join(directory, diskFile.disk), virtualSizeBytes, fileSizeBytes, sha256 }
  } catch (error) {
    await fsExtra.remove(stagingDirectory)
    throw error
  }
}

/** Whatever a header could say beyond what a layer needs, is not there: the head is, byte for byte, what Kiln would make of it. */
async function requireCanonical(path: string, maximumVirtualBytes: number) {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const head = await readHead(file, size, maximumVirtualBytes)
    const start = Buffer.alloc(head.canonical.length)
    await file.read(start, 0, start.length, 0)
    if (head.backingPath !== undefined) throw invalid('it has a backing file')
    if (!start.equals(head.canonical)) throw invalid('its header says more than that of a layer may')
    return head
  } finally {
    await file.close()
  }
}

async function writeStart(path: string, start: Buffer): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(start, 0, start.length, 0)
  } finally {
    await file.close()
  }
}
