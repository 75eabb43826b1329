import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, rename, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import fsExtra from 'fs-extra'
import type { DiskHost, LayerFile, WorkOptions } from '../ec2/ports/disk.ts'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../host/files.ts'
import type { ProcessHost } from '../host/process.ts'
import { diskFile } from '../host/state-paths.ts'
import { download } from './download.ts'
import { invalid } from './image-format.ts'
import { createQemuImg } from './qemu-img.ts'
import { unpackDisk } from './unpack.ts'

export interface DiskHostDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  /** Largest virtual size of a foreign image. */
  readonly maximumVirtualBytes: number
}

const blockBytes = 512

export function createDiskHost(dependencies: DiskHostDependencies): DiskHost {
  const { processes, maximumVirtualBytes } = dependencies
  const qemuImg = createQemuImg(processes)

  async function importLayer(source: string, directory: string, work: WorkOptions): Promise<LayerFile> {
    const staging = `${directory}.importing`
    await fsExtra.remove(staging)
    await ensurePrivateDirectory(staging)
    try {
      const disk = await unpackDisk(processes, source, staging, maximumVirtualBytes, work)
      const info = await qemuImg.info(disk.path, disk.format)
      const virtualSizeBytes = info['virtual-size']
      if (virtualSizeBytes > maximumVirtualBytes) {
        throw invalid(
          `it claims ${virtualSizeBytes} bytes; at most ${maximumVirtualBytes} are allowed (images.maximumVirtualGib)`,
        )
      }
      if (info['backing-filename'] !== undefined) throw invalid('it has a backing file')
      if (info.encrypted) throw invalid('it is encrypted')
      const path = join(staging, diskFile.disk)
      // Always converted, also from qcow2: what comes out was written by our own qemu-img, with no foreign metadata in it.
      await qemuImg.convert(disk, path, {
        signal: work.signal,
        onPercent: (percent) => {
          const doneBytes = Math.round((virtualSizeBytes * percent) / 100)
          work.onProgress({ stage: 'Converting', doneBytes, totalBytes: virtualSizeBytes })
        },
      })
      if (disk.path !== source) await fsExtra.remove(disk.path)
      work.onProgress({ stage: 'Verifying' })
      await qemuImg.check(path)
      const sha256 = await digestFile(path, work.signal)
      const { size: fileSizeBytes } = await stat(path)
      await chmod(path, 0o444)
      await syncFile(path)
      for (const name of await fsExtra.readdir(staging)) {
        if (name !== diskFile.disk) await fsExtra.remove(join(staging, name))
      }
      work.signal.throwIfAborted()
      await rename(staging, directory)
      await syncDirectory(dirname(directory))
      return { path: join(directory, diskFile.disk), virtualSizeBytes, fileSizeBytes, sha256 }
    } catch (error) {
      await fsExtra.remove(staging)
      throw error
    }
  }

  return {
    createVolumeDisk: (request) => qemuImg.create(request),
    importLayer,
    download: (url, destination, checksum, work) =>
      download({ clock: dependencies.clock }, url, destination, checksum, work),
    allocatedBytes: async (path) => (await stat(path)).blocks * blockBytes,
    freeBytes: async (path) => {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    },
  }
}

async function digestFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash, { signal })
  return hash.digest('hex')
}
