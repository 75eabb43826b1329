import { open, rename, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import fsExtra from 'fs-extra'
import { Ec2Error, invalidParameterValue, unsupportedOperation } from '../ec2/errors.ts'
import { explainOutOfSpace } from '../ec2/out-of-space.ts'
import type { DiskHost, ExportFormat, ExportRequest } from '../ec2/ports/disk.ts'
import type { WorkOptions } from '../ec2/ports/work.ts'
import { syncDirectory, syncFile } from '../host/files.ts'
import { createKeyedLock } from '../host/keyed-lock.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'
import { writeAppliance } from './appliance.ts'
import { requireSpace } from './disk-space.ts'
import type { Keyring } from './keyring.ts'
import type { ConvertedDisk, QemuImg } from './qemu-img.ts'

/** Beside the destination while it is made, so that it is renamed and not copied. */
const partSuffix = '.kiln-part'

/** The block allocation table of VHD has no more entries ("Virtual Hard Disk Image Format"); QEMU's block/vpc.c has the same number. */
const maximumVhdBytes = 2040 * 1024 ** 3

/** How qemu-img is told each format. */
const targets: Readonly<Record<Exclude<ExportFormat, 'ova'>, Omit<ConvertedDisk, 'path'>>> = {
  qcow2: { format: 'qcow2', options: ['compat=1.1'] },
  raw: { format: 'raw' },
  vmdk: { format: 'vmdk', options: ['subformat=streamOptimized', 'adapter_type=lsilogic'] },
  // Without force_size the disk would grow to whole cylinders, and another program could find the GPT's copy not at its end.
  vhd: { format: 'vpc', options: ['subformat=dynamic', 'force_size=on'] },
  vhdx: { format: 'vhdx', options: ['subformat=dynamic'] },
}

/** The exporting half of a DiskHost. */
export function createDiskExport(dependencies: {
  qemuImg: QemuImg
  keyring: Pick<Keyring, 'pathOf'>
  reservedBytes: number
}): Pick<DiskHost, 'exportDisk' | 'removeInterruptedExport'> {
  const { qemuImg, keyring, reservedBytes } = dependencies
  const turns = createKeyedLock()

  async function write(request: ExportRequest, part: string, work: WorkOptions): Promise<void> {
    const { path, format, destination, keyId, chainKeyIds = [] } = request
    const keys = chainKeyIds.map((id) => ({ id, path: keyring.pathOf(id) }))
    const source = { path, format: 'qcow2', keys, ...(keyId === undefined ? {} : { keyId }) } as const
    const { 'virtual-size': virtualSizeBytes } = await qemuImg.info(path, 'qcow2')
    if (format === 'vhd' && virtualSizeBytes > maximumVhdBytes) {
      throw unsupportedOperation(
        `A VHD has at most 2040 GiB, the disk has ${virtualSizeBytes} bytes: export it as VHDX.`,
      )
    }
    // What of the disk is in use, and the tables of a qcow2: more than the other formats need, which leave out zeros or compress.
    const diskBytes = await qemuImg.measure(source)
    const neededBytes = format === 'ova' ? 2 * diskBytes : diskBytes
    await requireSpace('the export', { path: dirname(destination), neededBytes, reservedBytes })
    const convert = (target: Omit<ConvertedDisk, 'path'>, to: string) =>
      qemuImg.convert(
        source,
        { ...target, path: to },
        {
          signal: work.signal,
          onPercent: (percent) => {
            const doneBytes = Math.round((virtualSizeBytes * percent) / 100)
            work.onProgress({ stage: 'Converting', doneBytes, totalBytes: virtualSizeBytes })
          },
        },
      )
    if (format === 'ova') {
      const disk = applianceDiskOf(part)
      await createPart(disk, destination)
      await convert(targets.vmdk, disk)
      const { name = basename(destination, '.ova') } = request
      await writeAppliance({ disk, destination: part, name, capacityBytes: virtualSizeBytes }, work)
      await fsExtra.remove(disk)
    } else if (format === 'qcow2' && request.isCompressed) {
      await convert({ ...targets.qcow2, isCompressed: true }, part)
    } else await convert(targets[format], part)
  }

  async function removeParts(destination: string): Promise<void> {
    const part = `${destination}${partSuffix}`
    await fsExtra.remove(part)
    await fsExtra.remove(applianceDiskOf(part))
  }

  return {
    exportDisk: (request, work) =>
      turns.run(request.destination, work.signal, async () => {
        const { destination } = request
        const part = `${destination}${partSuffix}`
        await removePartsOf(destination, removeParts)
        await createPart(part, destination)
        try {
          await write(request, part, work)
          work.signal.throwIfAborted()
          await syncFile(part)
          const { size: sizeBytes } = await stat(part)
          await rename(part, destination)
          await syncDirectory(dirname(destination))
          return { sizeBytes }
        } catch (error) {
          await removeParts(destination)
          throw explainOutOfSpace('the export', dirname(destination), error)
        }
      }),
    removeInterruptedExport: removeParts,
  }
}

function applianceDiskOf(part: string): string {
  return `${part}.vmdk`
}

async function removePartsOf(destination: string, remove: (destination: string) => Promise<void>): Promise<void> {
  try {
    await remove(destination)
  } catch (error) {
    throw cannotWrite(destination, error)
  }
}

/** Made by us and for us alone: qemu-img would follow a link that somebody else has put there. */
async function createPart(path: string, destination: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close()
  } catch (error) {
    throw cannotWrite(destination, error)
  }
}

function cannotWrite(destination: string, error: unknown): unknown {
  if (error instanceof Ec2Error || isOutOfSpace(error) || !(error instanceof Error) || !('code' in error)) return error
  const why =
    error.code === 'ENOENT' ? 'Its directory does not exist.' : `Nothing can be written there (${String(error.code)}).`
  return invalidParameterValue('Destination', destination, why)
}
