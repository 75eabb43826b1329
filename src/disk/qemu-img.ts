import { z } from 'zod'
import { Ec2Error } from '../ec2/errors.ts'
import { refuseSharedClusters } from './qcow2-clusters.ts'
import { isOutOfSpace } from '../host/out-of-space.ts'
import { CommandError, type CommandResult, type ProcessHost } from '../host/process.ts'

/** Disk formats as qemu-img names them; always given, never probed: a probed raw disk can claim to be anything. */
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk' | 'vpc' | 'vhdx'

/** Limits for work on a file that comes from outside: seconds of processor time and bytes of address space. */
export interface ToolLimits {
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

const imageInfoSchema = z.object({
  'virtual-size': z.int().nonnegative(),
  'backing-filename': z.string().optional(),
  encrypted: z.boolean().optional(),
  'format-specific': z
    .object({
      data: z.object({
        'data-file': z.string().optional(),
        extents: z.array(z.object({ filename: z.string().optional() })).optional(),
      }),
    })
    .optional(),
})

/** What `qemu-img info` says of an image, as far as it is needed (QEMU 4.0 and later). */
export type ImageInfo = z.infer<typeof imageInfoSchema>

/** What a conversion is to write. */
export interface ConvertedDisk {
  readonly path: string
  readonly format: DiskFormat
  /** Of the format, as `qemu-img convert -o` takes them. */
  readonly options?: readonly string[]
  /** Of a qcow2: makes a smaller file that is slower to write and a little slower to read. */
  readonly isCompressed?: boolean
}

/**
 * How a qcow2 is written whose clusters are compressed (QEMU 5.1 and later). Firmware and GRUB read in pieces of half a cluster, and QEMU
 * unpacks the whole cluster for each of them: by zlib, which would be the default, that was a tenth of an emulated boot.
 */
export const compressedQcow2 = ['-c', '-o', 'compression_type=zstd'] as const

/** A key as qemu-img is told of it: its id, and the file that it reads itself. */
export interface KeyFile {
  readonly id: string
  readonly path: string
}

/** A qcow2 with the id of its key, when it has one. */
interface EncryptedDisk {
  readonly path: string
  readonly keyId?: string
}

/** A disk, and the keys of its chain when it stands on something that is encrypted, or is. */
interface ReadableDisk extends EncryptedDisk {
  readonly format: DiskFormat
  readonly keys?: readonly KeyFile[]
}

/** qemu-img with an explicit format and, where the image is foreign, under limits. */
export interface QemuImg {
  info(path: string, format: DiskFormat): Promise<ImageInfo>
  /** Bytes that a conversion to qcow2 will take, as far as the format tells: 0 for those that do not say what of them is in use. */
  measure(source: ReadableDisk): Promise<number>
  /**
   * Rejects with InvalidDiskImage when the metadata is broken or points beyond the end of the file, which reads as zeros otherwise.
   * Formats without a check (raw, vpc) pass. `isForeign` forgives leaked clusters, which a crash of the writer leaves, and refuses a qcow2
   * that uses a cluster twice.
   */
  check(
    path: string,
    format: DiskFormat,
    options: { isForeign: boolean; signal: AbortSignal; key?: KeyFile },
  ): Promise<void>
  /** Gives back clusters of a qcow2 that nothing refers to; rejects when its tables are damaged otherwise. `key` is that of an encrypted one. */
  repairLeaks(path: string, key?: KeyFile): Promise<void>
  /** Makes a qcow2 larger; one that is as large already stays as it is. `key` is that of an encrypted one. */
  grow(path: string, sizeBytes: number, key?: KeyFile): Promise<void>
  /** Writes what a disk (a chain of qcow2, unless it is of another format) reads as into an encrypted qcow2 that is there, empty and as large. */
  encrypt(
    source: EncryptedDisk & { readonly keys: readonly KeyFile[]; readonly format?: DiskFormat },
    destination: { readonly path: string; readonly key: KeyFile },
    work: { signal: AbortSignal; onPercent: (percent: number) => void },
  ): Promise<void>
  /** `onPercent` is called with 0 to 100. */
  convert(
    source: ReadableDisk,
    destination: ConvertedDisk,
    work: { signal: AbortSignal; onPercent: (percent: number) => void },
  ): Promise<void>
  /**
   * Lets a qcow2 of our own stand on another file of its chain, its content unchanged: what lies between the two and differs is copied
   * into it. At low priority.
   */
  rebase(
    image: EncryptedDisk & { readonly keys: readonly KeyFile[] },
    backingName: string,
    work: { signal: AbortSignal; onPercent: (percent: number) => void },
  ): Promise<void>
  /** Whether two qcow2 of our own have the same content, with all that they stand on. At low priority. */
  hasSameContent(
    one: EncryptedDisk,
    other: EncryptedDisk,
    options: { keys: readonly KeyFile[]; signal: AbortSignal },
  ): Promise<boolean>
}

const infoLimits: ToolLimits = { cpuSeconds: 10, memoryBytes: 1024 ** 3 }
const convertLimits: ToolLimits = { cpuSeconds: 3600, memoryBytes: 4 * 1024 ** 3 }
/** Of `qemu-img check`, which takes seconds for a disk of terabytes that is as it should be. */
const foreignCheckLimits: ToolLimits = { cpuSeconds: 600, memoryBytes: 2 * 1024 ** 3 }
/** Of `qemu-img check`: nothing worse than clusters that nobody uses. */
const leaksExitCode = 3
/** qemu-img answers 63 for the others. */
const checkableFormats: ReadonlySet<DiskFormat> = new Set(['qcow2', 'vmdk', 'vhdx'])
/** Of the others qemu-img counts zeros too, which a conversion leaves out. */
const measurableFormats: ReadonlySet<DiskFormat> = new Set(['qcow2', 'vmdk'])
const measureSchema = z.object({ required: z.int().nonnegative() })
/** Nobody waits for it: it gets what others leave of processors and, where the disk's scheduler minds it, of the disk. */
const idlePriority = ['nice', '-n', '19', 'ionice', '-c', '3'] as const
/** Of `qemu-img compare`. */
const differentExitCode = 1
const toolTimeoutMs = 30_000
/** An instance waits for it. The tables of a disk of terabytes are read in seconds. */
const repairTimeoutMs = 60_000
const convertTimeoutMs = 2 * 3600 * 1000

export function createQemuImg(processes: ProcessHost): QemuImg {
  async function runLimited(
    limits: ToolLimits,
    args: readonly string[],
    options: { timeoutMs?: number; signal?: AbortSignal; onLine?: (line: string) => void; isIdle?: boolean } = {},
  ): Promise<CommandResult> {
    try {
      return await processes.run({
        argv: [
          'prlimit',
          `--cpu=${limits.cpuSeconds}`,
          `--as=${limits.memoryBytes}`,
          '--core=0',
          '--',
          ...(options.isIdle ? idlePriority : []),
          'qemu-img',
          ...args,
        ],
        timeoutMs: options.timeoutMs ?? toolTimeoutMs,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.onLine ? { onLine: options.onLine } : {}),
      })
    } catch (error) {
      // A full disk is not the image's fault: whoever wrote to it tells.
      if (error instanceof CommandError && !isOutOfSpace(error) && !options.signal?.aborted) throw diskImageError(error)
      throw error
    }
  }

  return {
    info: async (path, format) => {
      const { stdout } = await runLimited(infoLimits, ['info', '--output=json', '-f', format, path])
      return imageInfoSchema.parse(JSON.parse(stdout))
    },
    measure: async (source) => {
      if (!measurableFormats.has(source.format)) return 0
      const { options, file } = readArguments(source)
      const { stdout } = await runLimited(infoLimits, ['measure', '--output=json', ...options, '-O', 'qcow2', file])
      return measureSchema.parse(JSON.parse(stdout)).required
    },
    check: async (path, format, { isForeign, signal, key }) => {
      if (!checkableFormats.has(format)) return
      if (isForeign && format === 'qcow2') await refuseSharedClusters(path, signal)
      try {
        const image = key ? soleImage(path, key) : ['-f', format, path]
        await runLimited(isForeign ? foreignCheckLimits : convertLimits, ['check', '-q', ...image], {
          timeoutMs: convertTimeoutMs,
          signal,
        })
      } catch (error) {
        const exitCode = exitCodeOf(error)
        if (exitCode === undefined) throw error
        if (!isForeign || exitCode !== leaksExitCode) {
          throw new Ec2Error(
            'InvalidDiskImage',
            'The disk image cannot be read: its tables are damaged or point beyond the end of the file: it is truncated or corrupt',
          )
        }
      }
    },
    repairLeaks: async (path, key) => {
      await runLimited(convertLimits, ['check', '-q', '-r', 'leaks', ...soleImage(path, key)], {
        timeoutMs: repairTimeoutMs,
      })
    },
    grow: async (path, sizeBytes, key) => {
      const image = key ? soleImage(path, key) : ['-f', 'qcow2', path]
      await runLimited(infoLimits, ['resize', '-q', ...image, String(sizeBytes)])
    },
    encrypt: async ({ keys, ...source }, destination, work) => {
      const { path, key } = destination
      await runLimited(
        convertLimits,
        [
          ...['convert', '-p', '-n', '-t', 'writeback', ...keyArguments([...keys, key])],
          ...['--image-opts', imageOptions(source), '--target-image-opts'],
          imageOptions({ path, keyId: key.id }),
        ],
        { timeoutMs: convertTimeoutMs, signal: work.signal, onLine: tellPercent(work.onPercent) },
      )
    },
    convert: async (source, destination, work) => {
      const options = (destination.options ?? []).flatMap((option) => ['-o', option])
      const compression = destination.isCompressed ? compressedQcow2 : []
      const reading = readArguments(source)
      const formats = [...reading.options, '-O', destination.format, ...options, ...compression]
      await runLimited(
        convertLimits,
        ['convert', '-p', '-t', 'writeback', ...formats, reading.file, destination.path],
        {
          timeoutMs: convertTimeoutMs,
          signal: work.signal,
          onLine: tellPercent(work.onPercent),
        },
      )
    },
    rebase: async ({ keys, ...image }, backingName, work) => {
      // What reads as zeros is left a hole: `rebase` itself would write the zeros out.
      const options = `${imageOptions(image)},detect-zeroes=unmap,discard=unmap`
      const args = [...keyArguments(keys), '--image-opts', '-F', 'qcow2', '-b', backingName, options]
      await runLimited(convertLimits, ['rebase', '-p', ...args], {
        timeoutMs: convertTimeoutMs,
        signal: work.signal,
        onLine: tellPercent(work.onPercent),
        isIdle: true,
      })
    },
    hasSameContent: async (one, other, { keys, signal }) => {
      try {
        const args = [...keyArguments(keys), '--image-opts', imageOptions(one), imageOptions(other)]
        await runLimited(convertLimits, ['compare', '-q', ...args], {
          timeoutMs: convertTimeoutMs,
          signal,
          isIdle: true,
        })
        return true
      } catch (error) {
        if (exitCodeOf(error) === differentExitCode) return false
        throw error
      }
    },
  }
}

/** Reads what `-p` writes, `(12.34/100%)` again and again, ended by carriage returns. */
function tellPercent(onPercent: (percent: number) => void): (line: string) => void {
  return (line) => {
    const percent = [...line.matchAll(/\((\d+\.\d+)\/100%\)/g)].at(-1)?.[1]
    if (percent) onPercent(Number(percent))
  }
}

/** Of the qemu-img that an error tells of. */
function exitCodeOf(error: unknown): number | undefined {
  return error instanceof Ec2Error && error.cause instanceof CommandError ? error.cause.exitCode : undefined
}

/** The objects that the names in the chain of an encrypted disk lead to (empty-qcow2.ts backingNameOf). */
function keyArguments(keys: readonly KeyFile[]): string[] {
  return keys.flatMap(({ id, path }) => ['--object', `secret,id=${id},file=${escapeComma(path)}`])
}

/** How a disk that is read is named, and what goes before. */
function readArguments({ keys = [], ...source }: ReadableDisk): { options: readonly string[]; file: string } {
  if (keys.length === 0) return { options: ['-f', source.format], file: source.path }
  return { options: [...keyArguments(keys), '--image-opts'], file: imageOptions(source) }
}

function imageOptions({ path, keyId, format = 'qcow2' }: EncryptedDisk & { format?: DiskFormat }): string {
  const encryption = keyId === undefined ? '' : `encrypt.format=luks,encrypt.key-secret=${keyId},`
  return `driver=${format},${encryption}file.driver=file,file.filename=${escapeComma(path)}`
}

/** A disk without what it stands on: the keys of that would be needed too. */
function soleImage(path: string, key: KeyFile | undefined): string[] {
  const image = {
    driver: 'qcow2',
    backing: null,
    ...(key ? { encrypt: { format: 'luks', 'key-secret': key.id } } : {}),
    file: { driver: 'file', filename: path },
  }
  return [...keyArguments(key ? [key] : []), `json:${JSON.stringify(image)}`]
}

/** QEMU's option syntax writes a comma in a value twice. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,')
}

/** What qemu-img's failure means to a user; the CommandError is the cause. */
function diskImageError(error: CommandError): Error {
  const invalid = new Ec2Error('InvalidDiskImage', `The disk image cannot be read: ${reasonOf(error)}`)
  invalid.cause = error
  return invalid
}

function reasonOf(error: CommandError): string {
  if (error.endedBy) return `it takes too much time or memory (${error.endedBy})`
  const [firstLine = ''] = error.stderrTail.split('\n')
  return firstLine.replace(/^qemu-img: /, '') || 'it is damaged'
}
