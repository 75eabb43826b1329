import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { startDockerRegistry } from '../../integration/oci/docker-registry.ts'
import { type HeldProgram, holdQemuImg } from '../held-program.ts'
import { makeIdleDisk } from '../idle-disk.ts'
import { waitForImage } from '../images.ts'
import { type Lab, openLab, ordinaryUser, until } from '../lab.ts'
import { openRegistryLine, type RegistryLine } from '../registry-line.ts'
import { describeInstance, rootSnapshotOf } from './outcome.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

export const mib = 1024 ** 2
/** Of random bytes in the disk that all the work is about: no format makes them fewer. */
export const dataBytes = 12 * mib
/** More than anything needs that is to succeed, with what Kiln leaves free for others. */
export const plentyBytes = 420 * mib
/** Less than the work writes, so that it has begun to write when there is no more. */
export const scarceBytes = 2 * mib

/** A lab whose disks run full when a test wants it, with an image, a snapshot and a running instance of one disk. */
export interface FullLab {
  readonly lab: Lab
  /** The daemon's qemu-img. */
  readonly program: HeldProgram
  /** To a registry that everybody may push to. */
  readonly line: RegistryLine
  /** Files to be imported, and the buckets `outside` and `small`. */
  readonly directory: string
  /** That of the state directory. */
  readonly home: SmallDisk
  /** That of the bucket `small`. */
  readonly bucket: SmallDisk
  readonly ofRegistry: SmallDisk
  readonly imageId: string
  readonly snapshotId: string
  readonly instanceId: string
  /** Answers what was left. */
  close(): Promise<string[]>
}

/** Only root can have it: the disks are file systems of their own. The daemon on them is the ordinary user's. */
export async function openFullLab(): Promise<FullLab> {
  const directory = await makeDirectory()
  const program = await holdQemuImg()
  const registry = await startDockerRegistry({ diskMib: 64 })
  const line = await openRegistryLine(registry.host)
  const lab = await openLab(ordinaryUser, {
    diskMib: 600,
    programs: program.directory,
    configuration: `
storage: { flattenDepth: 4 }
machines: { stopTimeoutSeconds: 5 }
buckets:
  outside: { directory: ${join(directory, 'outside')} }
  small: { directory: ${join(directory, 'small')} }
`,
  })
  const [home, bucket, ofRegistry] = [lab.home, join(directory, 'small'), registry.directory].map(smallDisk) as [
    SmallDisk,
    SmallDisk,
    SmallDisk,
  ]
  await lab.startDaemon()
  // Soon after its start the daemon takes the room that it records in on a full disk.
  await until(async () => (await stat(join(lab.home, 'kiln.db'))).size > mib)
  const { TaskId: taskId } = await lab.call('KilnImportImage', { Source: join(directory, 'disk.raw'), Name: 'data' })
  const imageId = await waitForImage(lab, taskId)
  const snapshotId = await rootSnapshotOf(lab, imageId)
  const launch = { ImageId: imageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 } as const
  const instanceId = (await lab.call('RunInstances', launch)).Instances?.[0]?.InstanceId ?? ''
  await until(async () => (await describeInstance(lab, instanceId))?.State?.Name === 'running')
  return {
    ...{ lab, program, line, directory, home, bucket, ofRegistry, imageId, snapshotId, instanceId },
    close: async () => {
      await home.leave(plentyBytes)
      const left = await lab.close()
      line.close()
      await registry.close()
      await program.remove()
      await execa('umount', [bucket.path])
      await rm(directory, { recursive: true })
      return left
    },
  }
}

/** Disks with random bytes in them, and the buckets: `outside` on the host's own disk, `small` on one of its own. */
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-full-'))
  await chmod(directory, 0o755)
  for (const name of ['disk.raw', 'other.raw']) {
    const disk = makeIdleDisk(dataBytes + mib)
    randomBytes(dataBytes).copy(disk, mib)
    await writeFile(join(directory, name), disk)
  }
  await execa('gzip', ['-1', '-k', 'disk.raw'], { cwd: directory })
  for (const name of ['outside', 'small']) await execa('mkdir', [join(directory, name)])
  await execa('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', join(directory, 'small')])
  await execa('chown', ['-R', `${ordinaryUser}:`, directory])
  return directory
}
