import { rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LayerFile } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { syncDirectory } from '../host/files.ts'
import { requireSpace } from './disk-space.ts'
import { digestFile } from './download.ts'
import { backingNameOf, writeEmptyQcow2 } from './empty-qcow2.ts'
import { secureFile } from './freeze-file.ts'
import { readBackingPath, readVirtualSize } from './qcow2-field.ts'
import type { KeyFile, QemuImg } from './qemu-img.ts'

/**
 * As DiskHost.flattenLayer. An empty overlay over the layer is rebased onto the ancestor: `qemu-img rebase` looks only at what was written
 * above that, and copies what really differs. (`qemu-img convert -B` would lose what lies between the two.)
 */
export async function flattenLayer(
  { qemuImg, reservedBytes }: { qemuImg: QemuImg; reservedBytes: number },
  request: {
    path: string
    basePath: string
    baseKeyId?: string
    destination: string
    /** Of the layer, when it is encrypted, with a header for the new file. */
    keyId?: string
    luksHeader?: Buffer
    keys: readonly KeyFile[]
  },
  { signal, onProgress }: WorkOptions,
): Promise<LayerFile> {
  const { path, basePath, baseKeyId, destination, keyId, luksHeader, keys } = request
  const encryption = keyId === undefined ? {} : { keyId }
  const virtualSizeBytes = await readVirtualSize(path)
  const neededBytes = Math.min(virtualSizeBytes, await sizeAbove(path, basePath))
  await requireSpace('flattening a layer', { path: dirname(destination), neededBytes, reservedBytes })
  await rm(destination, { force: true })
  try {
    await writeEmptyQcow2(destination, {
      sizeBytes: virtualSizeBytes,
      backingPath: path,
      ...(keyId === undefined ? {} : { backingKeyId: keyId }),
      ...(luksHeader ? { luksHeader } : {}),
    })
    const base = backingNameOf({
      backingPath: basePath,
      ...(baseKeyId === undefined ? {} : { backingKeyId: baseKeyId }),
    })
    await qemuImg.rebase({ path: destination, ...encryption, keys }, base, {
      signal,
      onPercent: (percent) => {
        const doneBytes = Math.round((virtualSizeBytes * percent) / 100)
        onProgress({ stage: 'Flattening', doneBytes, totalBytes: virtualSizeBytes })
      },
    })
    onProgress({ stage: 'Comparing' })
    if (
      !(await qemuImg.hasSameContent({ path, ...encryption }, { path: destination, ...encryption }, { keys, signal }))
    ) {
      throw new Error(`${destination} differs from ${path} after it was made to stand on ${basePath}`)
    }
    const secured = await secureFile(destination)
    await syncDirectory(dirname(destination))
    return { ...secured, sha256: await digestFile(destination, 'sha256', signal) }
  } catch (error) {
    await rm(destination, { force: true })
    throw error
  }
}

/** As DiskHost.replaceLayer. */
export async function replaceLayer(path: string, replacement: string): Promise<void> {
  await rename(replacement, path)
  await syncDirectory(dirname(path))
}

/** Bytes of the files of a chain down to one that is not counted: the new file takes no more. */
async function sizeAbove(path: string, basePath: string): Promise<number> {
  let sizeBytes = 0
  let next: string | undefined = path
  while (next !== basePath) {
    if (next === undefined) throw new Error(`${path} does not stand on ${basePath}`)
    sizeBytes += (await stat(next)).size
    next = await readBackingPath(next)
  }
  return sizeBytes
}
