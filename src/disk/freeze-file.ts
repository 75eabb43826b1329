import { chmod, link, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { LayerFile } from '../ec2/ports/disk.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../host/files.ts'
import { diskFile } from '../host/state-paths.ts'
import { type EmptyDisk, writeEmptyQcow2 } from './empty-qcow2.ts'
import { readVirtualSize } from './qcow2-field.ts'

/** As DiskHost.prepareFreeze. */
export async function prepareFreeze(request: {
  volumePath: string
  layerDirectory: string
  overlayPath: string
  keepsOverlay: boolean
  /** Of the volume, when it is encrypted; the overlay gets a header of its own. */
  encryption?: { keyId: string; luksHeader: Buffer }
}): Promise<number> {
  const { volumePath, layerDirectory, encryption } = request
  // QEMU flushes a file that it closes for writing while the guest waits: what takes long of that is done while the guest goes on.
  await syncFile(volumePath)
  const sizeBytes = await readVirtualSize(volumePath)
  await ensurePrivateDirectory(layerDirectory)
  const backingPath = join(layerDirectory, diskFile.disk)
  // Neither needs the other, and each waits for the disk.
  const overlay = {
    backingPath,
    sizeBytes,
    ...(encryption ? { backingKeyId: encryption.keyId, luksHeader: encryption.luksHeader } : {}),
  }
  await Promise.all([nameLayer(volumePath, backingPath), provideOverlay(request, overlay)])
  return sizeBytes
}

async function nameLayer(volumePath: string, layerPath: string): Promise<void> {
  await link(volumePath, layerPath).catch((error: NodeJS.ErrnoException) => {
    // From an earlier try: it is this very file, for its layer has never had another.
    if (error.code !== 'EEXIST') throw error
  })
  await syncDirectory(dirname(layerPath))
  await syncDirectory(dirname(dirname(layerPath)))
}

async function provideOverlay(
  { overlayPath, keepsOverlay }: { overlayPath: string; keepsOverlay: boolean },
  disk: EmptyDisk,
): Promise<void> {
  const temporaryPath = `${overlayPath}.new`
  await rm(temporaryPath, { force: true })
  if (await mayKeep({ overlayPath, keepsOverlay }, disk.sizeBytes)) return
  try {
    await replaceOverlay(overlayPath, temporaryPath, disk)
  } catch (error) {
    await rm(temporaryPath, { force: true })
    throw error
  }
}

/** An overlay that is smaller than what it stands on was made before that grew: nobody can have used it. */
async function mayKeep(
  { overlayPath, keepsOverlay }: { overlayPath: string; keepsOverlay: boolean },
  sizeBytes: number,
): Promise<boolean> {
  if (!keepsOverlay || !(await fsExtra.pathExists(overlayPath))) return false
  return (await readVirtualSize(overlayPath)) >= sizeBytes
}

/** Whole or not there, at any instant: what is found after a crash can be used. */
async function replaceOverlay(path: string, temporaryPath: string, disk: EmptyDisk): Promise<void> {
  await writeEmptyQcow2(temporaryPath, disk)
  await syncFile(temporaryPath)
  await rename(temporaryPath, path)
  await syncDirectory(dirname(path))
}

/** As DiskHost.secureLayer. */
export async function secureLayer(directory: string): Promise<Omit<LayerFile, 'sha256'>> {
  // Its name is on disk since it was prepared.
  return await secureFile(join(directory, diskFile.disk))
}

/** Makes a file that nobody writes to any more immutable and durable. */
export async function secureFile(path: string): Promise<Omit<LayerFile, 'sha256'>> {
  await chmod(path, 0o444)
  await syncFile(path)
  const { size: fileSizeBytes } = await stat(path)
  return { path, virtualSizeBytes: await readVirtualSize(path), fileSizeBytes }
}
