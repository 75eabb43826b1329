import { chmod, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { LayerFile } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../host/files.ts'
import { diskFile } from '../host/state-paths.ts'
import { digestFile } from './download.ts'

/** Beside the layer's directory while it is made. */
export const stagingSuffix = '.importing'

/** Has a layer made beside its place, and moves it there when it is whole. */
export async function makeAside(
  directory: string,
  work: WorkOptions,
  make: (staging: string) => Promise<Omit<LayerFile, 'path'>>,
): Promise<LayerFile> {
  const staging = `${directory}${stagingSuffix}`
  await fsExtra.remove(staging)
  await ensurePrivateDirectory(staging)
  try {
    const made = await make(staging)
    work.signal.throwIfAborted()
    await rename(staging, directory)
    await syncDirectory(dirname(directory))
    return { ...made, path: join(directory, diskFile.disk) }
  } catch (error) {
    await fsExtra.remove(staging)
    throw error
  }
}

/** Makes a disk that is whole immutable and durable. */
export async function finishLayer(
  staging: string,
  virtualSizeBytes: number,
  work: WorkOptions,
): Promise<Omit<LayerFile, 'path'>> {
  const path = join(staging, diskFile.disk)
  const sha256 = await digestFile(path, 'sha256', work.signal)
  const { size: fileSizeBytes } = await stat(path)
  await chmod(path, 0o444)
  await syncFile(path)
  await syncDirectory(staging)
  return { virtualSizeBytes, fileSizeBytes, sha256 }
}
