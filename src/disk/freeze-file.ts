import { chmod, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import type { LayerFile } from '../ec2/ports/disk.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../host/files.ts'
import { diskFile } from '../host/state-paths.ts'
import { writeEmptyQcow2 } from './empty-qcow2.ts'

/** Where the header of a qcow2 has the virtual size (QEMU documentation, docs/interop/qcow2.txt). */
const sizeOffset = 24

/** As DiskHost.prepareFreeze. */
export async function prepareFreeze(request: {
  volumePath: string
  layerDirectory: string
  overlayPath: string
  keepsOverlay: boolean
}): Promise<number> {
  const { volumePath, layerDirectory, overlayPath } = request
  // QEMU flushes a file that it closes for writing while the guest waits: what takes long of that is done while the guest goes on.
  await syncFile(volumePath)
  const sizeBytes = await readVirtualSize(volumePath)
  const layerPath = join(layerDirectory, diskFile.disk)
  await ensurePrivateDirectory(layerDirectory)
  await link(volumePath, layerPath).catch((error: NodeJS.ErrnoException) => {
    // From an earlier try: it is this very file, for its layer has never had another.
    if (error.code !== 'EEXIST') throw error
  })
  await syncDirectory(layerDirectory)
  await syncDirectory(dirname(layerDirectory))
  const temporaryPath = `${overlayPath}.new`
  await rm(temporaryPath, { force: true })
  if (await mayKeep(request, sizeBytes)) return sizeBytes
  try {
    await replaceOverlay(overlayPath, { temporaryPath, backingPath: layerPath, sizeBytes })
  } catch (error) {
    await rm(temporaryPath, { force: true })
    throw error
  }
  return sizeBytes
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
async function replaceOverlay(
  path: string,
  { temporaryPath, ...disk }: { temporaryPath: string; backingPath: string; sizeBytes: number },
): Promise<void> {
  await writeEmptyQcow2(temporaryPath, disk)
  await syncFile(temporaryPath)
  await rename(temporaryPath, path)
  await syncDirectory(dirname(path))
}

async function readVirtualSize(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    const field = Buffer.alloc(8)
    await file.read(field, 0, field.length, sizeOffset)
    return Number(field.readBigUInt64BE())
  } finally {
    await file.close()
  }
}

/** As DiskHost.secureLayer. */
export async function secureLayer(directory: string): Promise<Omit<LayerFile, 'sha256'>> {
  const path = join(directory, diskFile.disk)
  await chmod(path, 0o444)
  await syncFile(path)
  await syncDirectory(directory)
  const { size: fileSizeBytes } = await stat(path)
  return { path, virtualSizeBytes: await readVirtualSize(path), fileSizeBytes }
}
