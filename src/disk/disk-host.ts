import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import { tellOutOfSpace } from '../ec2/out-of-space.ts'
import type { DiskHost, EncryptLayerRequest, LayerFile } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import type { Clock } from '../host/clock.ts'
import { freeBytes } from '../host/files.ts'
import type { ProcessHost } from '../host/process.ts'
import type { Random } from '../host/random.ts'
import { diskFile } from '../host/state-paths.ts'
import { adoptBlob } from './blob/adopt-blob.ts'
import { openLayerBlob } from './blob/layer-blob.ts'
import { defaultReservedBytes, requireSpace } from './disk-space.ts'
import { digestFile } from './download.ts'
import { checkLayer } from './check-layer.ts'
import { createDownloadCache } from './download-cache.ts'
import { writeEmptyQcow2 } from './empty-qcow2.ts'
import { createDiskExport } from './export-disk.ts'
import { flattenLayer, replaceLayer } from './flatten-file.ts'
import { prepareFreeze, secureLayer } from './freeze-file.ts'
import { createDiskImport } from './import-disk.ts'
import type { Keyring } from './keyring.ts'
import { finishLayer, makeAside, stagingSuffix } from './layer-place.ts'
import { luksHeader } from './luks-header.ts'
import { readBackingPath } from './qcow2-field.ts'
import { createQemuImg, type KeyFile } from './qemu-img.ts'

export interface DiskHostDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly random: Random
  readonly keyring: Keyring
  /** Where downloads are kept until an image was made of them. */
  readonly downloadsDirectory: string
  /** Largest virtual size of a foreign image. */
  readonly maximumVirtualBytes: number
  /** Bytes that downloads and imports leave free; 256 MiB when absent. */
  readonly reservedBytes?: number
}

const blockBytes = 512

export function createDiskHost(dependencies: DiskHostDependencies): DiskHost {
  const { processes, clock, random, keyring, maximumVirtualBytes, reservedBytes = defaultReservedBytes } = dependencies
  const qemuImg = createQemuImg(processes)
  const downloads = createDownloadCache({
    clock,
    directory: dependencies.downloadsDirectory,
    maximumBytes: maximumVirtualBytes,
    reservedBytes,
  })

  const keyFileOf = (id: string): KeyFile => ({ id, path: keyring.pathOf(id) })

  async function encryptLayer(request: EncryptLayerRequest, work: WorkOptions): Promise<LayerFile> {
    const { source, chainKeyIds, keyId, directory } = request
    const { 'virtual-size': sizeBytes } = await qemuImg.info(source.path, 'qcow2')
    await keyring.provide(keyId)
    return await makeAside(directory, work, async (staging) => {
      // What the layers of the chain take, and their tables again.
      await requireSpace('the copy', { path: staging, neededBytes: request.chainBytes, reservedBytes })
      const path = join(staging, diskFile.disk)
      await writeEmptyQcow2(path, { sizeBytes, luksHeader: luksHeader(await keyring.read(keyId), random) })
      await qemuImg.encrypt(
        { ...source, keys: chainKeyIds.map(keyFileOf) },
        { path, key: keyFileOf(keyId) },
        {
          signal: work.signal,
          onPercent: (percent) => {
            const doneBytes = Math.round((sizeBytes * percent) / 100)
            work.onProgress({ stage: 'Encrypting', doneBytes, totalBytes: sizeBytes })
          },
        },
      )
      return await finishLayer(staging, sizeBytes, work)
    })
  }

  return {
    createVolumeDisk: ({ path, keyId, ...disk }) =>
      tellOutOfSpace('making the volume', dirname(path), async () => {
        if (keyId === undefined) return await writeEmptyQcow2(path, disk)
        await keyring.provide(keyId)
        await writeEmptyQcow2(path, { ...disk, luksHeader: luksHeader(await keyring.read(keyId), random) })
      }),
    repairLeaks: async ({ path, keyId }) => {
      // The same file as a layer's, which nothing may change any more.
      if ((await stat(path)).nlink > 1) return
      await qemuImg.repairLeaks(path, keyId === undefined ? undefined : keyFileOf(keyId))
    },
    growVolumeDisk: ({ path, sizeBytes, keyId }) =>
      tellOutOfSpace('growing the volume', dirname(path), () =>
        qemuImg.grow(path, sizeBytes, keyId === undefined ? undefined : keyFileOf(keyId)),
      ),
    prepareFreeze: ({ keyId, ...request }) =>
      tellOutOfSpace('the snapshot', dirname(request.overlayPath), async () => {
        if (keyId === undefined) return await prepareFreeze(request)
        const secret = await keyring.read(keyId)
        return await prepareFreeze({ ...request, encryption: { keyId, luksHeader: luksHeader(secret, random) } })
      }),
    encryptLayer: (request, work) =>
      tellOutOfSpace('the encrypted copy', dirname(request.directory), () => encryptLayer(request, work)),
    secureLayer,
    flattenLayer: ({ keyId, chainKeyIds, ...request }, work) =>
      tellOutOfSpace('flattening a layer', dirname(request.destination), async () => {
        const keys = chainKeyIds.map(keyFileOf)
        const key =
          keyId === undefined ? undefined : { keyId, luksHeader: luksHeader(await keyring.read(keyId), random) }
        return await flattenLayer({ qemuImg, reservedBytes }, { ...request, ...key, keys }, work)
      }),
    replaceLayer,
    checkLayer: ({ path, keyId }, work) =>
      checkLayer(qemuImg, { path, ...(keyId === undefined ? {} : { key: keyFileOf(keyId) }) }, work),
    readBackingPath,
    ...createDiskImport({ processes, random, keyring, qemuImg, maximumVirtualBytes, reservedBytes }),
    ...createDiskExport({ qemuImg, keyring, reservedBytes }),
    withDownload: (url, work, use, options) => downloads.use(url, work, use, options),
    openLayerBlob: (path) => openLayerBlob(path, maximumVirtualBytes),
    adoptBlob: (request, work) => {
      const stagingDirectory = `${request.directory}${stagingSuffix}`
      return tellOutOfSpace('the pull', dirname(request.directory), () =>
        adoptBlob({ qemuImg, maximumVirtualBytes }, { ...request, stagingDirectory }, work),
      )
    },
    digest: (path, algorithm, signal) => digestFile(path, algorithm, signal),
    allocatedBytes: async (path) => (await stat(path)).blocks * blockBytes,
    freeBytes,
    removeInterrupted: async (parent) => {
      await downloads.removeForgotten()
      await keyring.removeInterrupted()
      const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      for (const name of names) if (name.endsWith(stagingSuffix)) await fsExtra.remove(join(parent, name))
    },
  }
}
