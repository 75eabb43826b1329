import { chmod, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import { tellOutOfSpace } from '../ec2/errors.ts'
import type {
  DiskHost,
  EncryptLayerRequest,
  ExportFormat,
  ImportHow,
  LayerFile,
  WorkOptions,
} from '../ec2/ports/disk.ts'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory, freeBytes, syncDirectory, syncFile } from '../host/files.ts'
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
import { invalid, refuseTooLarge } from './invalid-image.ts'
import type { Keyring } from './keyring.ts'
import { luksHeader } from './luks-header.ts'
import { readBackingPath } from './qcow2-field.ts'
import { createQemuImg, type KeyFile } from './qemu-img.ts'
import { type PlainDisk, unpackDisk } from './unpack.ts'

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

/** Compressing takes a second for an image of this size and minutes for a whole distribution. */
const maximumCompressedBytes = 128 * 1024 ** 2

/** Beside the layer's directory while it is made. */
const stagingSuffix = '.importing'

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

  async function importLayer(
    source: string,
    directory: string,
    work: WorkOptions,
    how: ImportHow = {},
  ): Promise<LayerFile> {
    return await makeAside(directory, work, (staging) => makeLayer(source, staging, work, how))
  }

  /** Has a layer made beside its place, and moves it there when it is whole. */
  async function makeAside(
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

  /** Leaves nothing but the finished disk in `staging`, on disk for good. */
  async function makeLayer(
    source: string,
    staging: string,
    work: WorkOptions,
    { claim, keyId }: ImportHow,
  ): Promise<Omit<LayerFile, 'path'>> {
    const spaceBytes = Math.max(0, (await freeBytes(staging)) - reservedBytes)
    const disk = await unpackDisk(processes, source, staging, { spaceBytes, maximumVirtualBytes }, work)
    refuseOtherFormat(disk, claim)
    const virtualSizeBytes = await inspect(disk, work.signal)
    const neededBytes = await qemuImg.measure(disk)
    await requireSpace('the import', { path: staging, neededBytes, reservedBytes })
    const path = join(staging, diskFile.disk)
    const conversion = {
      signal: work.signal,
      onPercent: (percent: number) => {
        const doneBytes = Math.round((virtualSizeBytes * percent) / 100)
        work.onProgress({ stage: 'Converting', doneBytes, totalBytes: virtualSizeBytes })
      },
    }
    // Always converted, also from qcow2: what comes out was written by our own qemu-img, with no foreign metadata in it.
    if (keyId === undefined) {
      const layer = {
        path,
        format: 'qcow2',
        options: ['compat=1.1', 'lazy_refcounts=on'],
        isCompressed: neededBytes > 0 && neededBytes <= maximumCompressedBytes,
      } as const
      await qemuImg.convert(disk, layer, conversion)
    } else {
      await keyring.provide(keyId)
      await writeEmptyQcow2(path, {
        sizeBytes: virtualSizeBytes,
        luksHeader: luksHeader(await keyring.read(keyId), random),
      })
      await qemuImg.encrypt({ ...disk, keys: [] }, { path, key: keyFileOf(keyId) }, conversion)
    }
    if (disk.path !== source) await fsExtra.remove(disk.path)
    work.onProgress({ stage: 'Verifying' })
    const key = keyId === undefined ? {} : { key: keyFileOf(keyId) }
    await qemuImg.check(path, 'qcow2', { isForeign: false, signal: work.signal, ...key })
    return await finishLayer(staging, virtualSizeBytes, work)
  }

  /** Makes a disk that is whole immutable and durable. */
  async function finishLayer(
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

  /** Refuses what the header's check let through; resolves with the virtual size. */
  async function inspect(disk: PlainDisk, signal: AbortSignal): Promise<number> {
    const info = await qemuImg.info(disk.path, disk.format)
    const virtualSizeBytes = info['virtual-size']
    refuseTooLarge(virtualSizeBytes, maximumVirtualBytes)
    if (virtualSizeBytes === 0) throw invalid('it is an empty disk')
    if (info['backing-filename'] !== undefined) throw invalid('it has a backing file')
    if (info.encrypted) throw invalid('it is encrypted')
    const data = info['format-specific']?.data
    const others = [data?.['data-file'], ...(data?.extents ?? []).map(({ filename }) => filename)]
    if (others.some((name) => name !== undefined && name !== disk.path)) throw invalid('it keeps data in another file')
    await qemuImg.check(disk.path, disk.format, { isForeign: true, signal })
    return virtualSizeBytes
  }

  return {
    createVolumeDisk: ({ path, keyId, ...disk }) =>
      tellOutOfSpace('making the volume', dirname(path), async () => {
        if (keyId === undefined) return await writeEmptyQcow2(path, disk)
        await keyring.provide(keyId)
        await writeEmptyQcow2(path, { ...disk, luksHeader: luksHeader(await keyring.read(keyId), random) })
      }),
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
    importLayer: (source, directory, work, how) =>
      tellOutOfSpace('the import', dirname(directory), () => importLayer(source, directory, work, how)),
    ...createDiskExport({ qemuImg, reservedBytes }),
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

/** A caller who says what a file is, and is wrong, does not know what it brings in. */
function refuseOtherFormat({ format, isFromAppliance }: PlainDisk, claim: ExportFormat | undefined): void {
  const found: ExportFormat = isFromAppliance ? 'ova' : format === 'vpc' ? 'vhd' : format
  if (claim === undefined || claim === found) return
  throw invalid(`it is ${found}, not ${claim} as was said`)
}
