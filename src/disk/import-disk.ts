import { dirname, join } from 'node:path'
import fsExtra from 'fs-extra'
import { tellOutOfSpace } from '../ec2/out-of-space.ts'
import type { DiskHost, ExportFormat, ImportLayersRequest, LayerFile } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import type { ProcessHost } from '../host/process.ts'
import type { Random } from '../host/random.ts'
import { diskFile } from '../host/state-paths.ts'
import { requireSpace } from './disk-space.ts'
import { writeEmptyQcow2 } from './empty-qcow2.ts'
import { invalid, refuseTooLarge } from './invalid-image.ts'
import type { Keyring } from './keyring.ts'
import { finishLayer, makeAside } from './layer-place.ts'
import { luksHeader } from './luks-header.ts'
import type { QemuImg } from './qemu-img.ts'
import { type PlainDisk, unpackDisks } from './unpack.ts'

export interface DiskImportDependencies {
  readonly processes: ProcessHost
  readonly random: Random
  readonly keyring: Keyring
  readonly qemuImg: QemuImg
  readonly maximumVirtualBytes: number
  readonly reservedBytes: number
}

/** Compressing takes a second for an image of this size and minutes for a whole distribution. */
const maximumCompressedBytes = 128 * 1024 ** 2

/** What the file of a layer is to be of a disk that is known. */
interface Conversion {
  readonly disk: PlainDisk
  readonly virtualSizeBytes: number
  readonly keyId?: string | undefined
}

/** The importing half of a DiskHost. */
export function createDiskImport(dependencies: DiskImportDependencies): Pick<DiskHost, 'importLayer' | 'importLayers'> {
  const { processes, random, keyring, qemuImg, maximumVirtualBytes, reservedBytes } = dependencies

  /** The disks of a file that was of the format that its owner says; nothing of them is believed yet. */
  async function unpack(
    source: string,
    directory: string,
    { claim, maximumDisks }: { claim: ExportFormat | undefined; maximumDisks: number },
    work: WorkOptions,
  ): Promise<readonly PlainDisk[]> {
    const limits = { reservedBytes, maximumVirtualBytes, maximumDisks }
    const disks = await unpackDisks({ processes, source, directory, limits }, work)
    for (const disk of disks) refuseOtherFormat(disk, claim)
    return disks
  }

  /** Writes the disk of a layer into `staging`. */
  async function convert(
    staging: string,
    { disk, virtualSizeBytes, keyId }: Conversion,
    work: WorkOptions,
  ): Promise<void> {
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
      return
    }
    await keyring.provide(keyId)
    await writeEmptyQcow2(path, {
      sizeBytes: virtualSizeBytes,
      luksHeader: luksHeader(await keyring.read(keyId), random),
    })
    await qemuImg.encrypt({ ...disk, keys: [] }, { path, key: { id: keyId, path: keyring.pathOf(keyId) } }, conversion)
  }

  /** Leaves nothing but the finished disk in `staging`, on disk for good; what was unpacked is deleted. */
  async function makeLayer(
    staging: string,
    conversion: Conversion & { readonly source: string },
    work: WorkOptions,
  ): Promise<Omit<LayerFile, 'path'>> {
    const { disk, source, virtualSizeBytes, keyId } = conversion
    await convert(staging, conversion, work)
    if (disk.path !== source) await fsExtra.remove(disk.path)
    work.onProgress({ stage: 'Verifying' })
    const key = keyId === undefined ? {} : { key: { id: keyId, path: keyring.pathOf(keyId) } }
    const path = join(staging, diskFile.disk)
    await qemuImg.check(path, 'qcow2', { isForeign: false, signal: work.signal, ...key })
    return await finishLayer(staging, virtualSizeBytes, work)
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

  async function importLayers(request: ImportLayersRequest, work: WorkOptions): Promise<readonly LayerFile[]> {
    const { source, directory, claim, maximumDisks } = request
    const disks = await unpack(source, directory, { claim, maximumDisks }, work)
    const sizes: number[] = []
    for (const disk of disks) sizes.push(await inspect(disk, work.signal))
    const made: LayerFile[] = []
    try {
      for (const [index, disk] of disks.entries()) {
        const virtualSizeBytes = sizes[index] ?? 0
        const { directory: place, keyId } = request.placeOf(index)
        const ofDisk = shareOf(work, sizes, index)
        ofDisk.onProgress({ stage: 'Converting' })
        made.push(
          await makeAside(place, ofDisk, (staging) =>
            makeLayer(staging, { disk, source, virtualSizeBytes, keyId }, ofDisk),
          ),
        )
      }
      return made
    } catch (error) {
      for (const { path } of made) await fsExtra.remove(dirname(path))
      throw error
    }
  }

  return {
    importLayer: (source, directory, work, { claim, keyId } = {}) =>
      tellOutOfSpace('the import', dirname(directory), () =>
        makeAside(directory, work, async (staging) => {
          const [disk] = await unpack(source, staging, { claim, maximumDisks: 1 }, work)
          if (!disk) throw invalid('it holds no disk')
          const virtualSizeBytes = await inspect(disk, work.signal)
          return await makeLayer(staging, { disk, source, virtualSizeBytes, keyId }, work)
        }),
      ),
    importLayers: (request, work) => tellOutOfSpace('the import', request.directory, () => importLayers(request, work)),
  }
}

/** A disk's work within that on all of them. */
function shareOf(work: WorkOptions, sizes: readonly number[], index: number): WorkOptions {
  const sum = (some: readonly number[]) => some.reduce((total, size) => total + size, 0)
  const [beforeBytes, totalBytes, sizeBytes] = [sum(sizes.slice(0, index)), sum(sizes), sizes[index] ?? 0]
  return {
    signal: work.signal,
    onProgress: (progress) => {
      const doneBytes = progress.stage === 'Verifying' ? sizeBytes : (progress.doneBytes ?? 0)
      const disk = { index, sizes, doneBytes }
      work.onProgress({ ...progress, doneBytes: beforeBytes + doneBytes, totalBytes, disk })
    },
  }
}

/** A caller who says what a file is, and is wrong, does not know what it brings in. */
function refuseOtherFormat({ format, isFromAppliance }: PlainDisk, claim: ExportFormat | undefined): void {
  const found: ExportFormat = isFromAppliance ? 'ova' : format === 'vpc' ? 'vhd' : format
  if (claim === undefined || claim === found) return
  throw invalid(`it is ${found}, not ${claim} as was said`)
}
