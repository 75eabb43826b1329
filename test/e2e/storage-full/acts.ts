import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type FullLab, mib, scarceBytes } from './full-lab.ts'
import {
  createVolume,
  deleteVolume,
  endOf,
  endOfTiering,
  exportImage,
  findImages,
  forgetImage,
  storeImage,
  takeImage,
  takeImport,
  takeSnapshot,
  takeVolume,
  tryKiln,
} from './outcome.ts'

/** Something that needs room on a disk. */
export interface Act {
  /** Answers why it failed; undefined when all is done, and what came of it is gone again. */
  readonly do: (full: FullLab) => Promise<string | undefined>
  /** What runs full; the state directory's disk when absent. */
  readonly disk?: 'home' | 'bucket' | 'ofRegistry'
  readonly leaveBytes?: number
  /** What the reason names; the disk when absent. */
  readonly told?: string
  /** When: at once, when qemu-img is about to write (so when absent), or when a part of a blob has come from the registry. */
  readonly when?: 'before' | 'qemu-img' | 'blob'
}

const encrypted = { SourceRegion: 'us-east-1', Encrypted: true } as const
/** The tag Name of the snapshot that goes into the archive and comes back. */
const toBeArchived = 'to be archived'

/** In this order: some need what those before have left. */
export const acts: readonly [what: string, act: Act][] = [
  [
    'a volume',
    { do: ({ lab, snapshotId }) => takeVolume(lab, { SnapshotId: snapshotId }), leaveBytes: 0, when: 'before' },
  ],
  [
    'an encrypted volume',
    { do: ({ lab }) => takeVolume(lab, { Size: 1, Encrypted: true }), leaveBytes: 64 * 1024, when: 'before' },
  ],
  ['a snapshot of a volume', { do: snapshotVolume, leaveBytes: mib, when: 'before' }],
  ...[0, 32 * 1024].map((leaveBytes): [string, Act] => [
    `an image of a running instance, with ${leaveBytes} bytes left`,
    {
      do: async ({ lab, instanceId }) => {
        const request = { InstanceId: instanceId, Name: 'of running', NoReboot: true }
        return await takeImage(lab, (await lab.call('CreateImage', request)).ImageId)
      },
      leaveBytes,
      when: 'before',
    },
  ]),
  [
    'an encrypted copy of a snapshot',
    {
      do: async ({ lab, snapshotId }) => {
        const copy = await lab.call('CopySnapshot', { ...encrypted, SourceSnapshotId: snapshotId })
        return await takeSnapshot(lab, copy.SnapshotId)
      },
    },
  ],
  [
    'an encrypted copy of an image',
    {
      do: async ({ lab, imageId }) => {
        const copy = await lab.call('CopyImage', { ...encrypted, SourceImageId: imageId, Name: 'encrypted' })
        return await takeImage(lab, copy.ImageId)
      },
    },
  ],
  ['an import of a snapshot', { do: importSnapshot }],
  [
    'a move into the archive',
    {
      do: async (full) => {
        const id = await findToBeArchived(full)
        await full.lab.call('ModifySnapshotTier', { SnapshotId: id, StorageTier: 'archive' })
        return await endOfTiering(full.lab, id)
      },
    },
  ],
  [
    'a restore from the archive',
    {
      do: async (full) => {
        const id = await findToBeArchived(full)
        await full.lab.call('RestoreSnapshotTier', { SnapshotId: id, PermanentRestore: true })
        return (await endOfTiering(full.lab, id)) ?? (await takeSnapshot(full.lab, id))
      },
    },
  ],
  ['an export to a bucket', { do: ({ lab, imageId }) => exportImage(lab, imageId, 'outside') }],
  [
    'an export to a bucket that is full',
    { do: ({ lab, imageId }) => exportImage(lab, imageId, 'small'), disk: 'bucket', when: 'before' },
  ],
  ['an image that is stored in a bucket', { do: ({ lab, imageId }) => storeImage(lab, imageId, 'outside') }],
  [
    'an image that is stored in a bucket that is full',
    { do: ({ lab, imageId }) => storeImage(lab, imageId, 'small'), disk: 'bucket', when: 'before' },
  ],
  [
    'an image that is restored from a bucket',
    {
      do: async ({ lab, imageId }) => {
        const from = { Bucket: 'outside', ObjectKey: `${imageId}.bin`, Name: 'restored' }
        return await takeImage(lab, (await lab.call('CreateRestoreImageTask', from)).ImageId)
      },
    },
  ],
  [
    'an import of an image from a bucket',
    {
      do: async ({ lab, directory }) => {
        const objects = await readdir(join(directory, 'outside'))
        const key = objects.find((name) => name.endsWith('.raw')) ?? ''
        const DiskContainers = [{ Format: 'RAW', Url: `s3://outside/${key}` }]
        return await takeImport(lab, (await lab.call('ImportImage', { DiskContainers })).ImportTaskId)
      },
    },
  ],
  [
    'kiln image import',
    {
      do: ({ lab, directory }) => tryKiln(lab, 'image', 'import', join(directory, 'other.raw'), '--name', 'imported'),
    },
  ],
  [
    'kiln image import of a compressed disk',
    {
      do: ({ lab, directory }) => tryKiln(lab, 'image', 'import', join(directory, 'disk.raw.gz'), '--name', 'unpacked'),
      // What Kiln leaves free for others is not for unpacking.
      leaveBytes: 256 * mib + scarceBytes,
      when: 'before',
    },
  ],
  [
    'kiln image export',
    { do: ({ lab }) => tryKiln(lab, 'image', 'export', 'data', join(lab.home, 'exported.raw'), '--force') },
  ],
  [
    'kiln image push to a registry that is full',
    {
      do: ({ lab, line }) => tryKiln(lab, 'image', 'push', 'imported', `${line.host}/full:1`),
      disk: 'ofRegistry',
      told: 'The disk of the registry 127.0.0.1:',
      when: 'before',
    },
  ],
  [
    'kiln image pull',
    {
      do: async ({ lab, line }) => {
        const [present] = await findImages(lab, 'imported')
        if (present) await forgetImage(lab, present)
        return await tryKiln(lab, 'image', 'pull', `${line.host}/full:1`)
      },
      leaveBytes: mib,
      when: 'blob',
    },
  ],
]

/** Of one that is made when there is room still, and deleted with the snapshot when all went well. */
async function snapshotVolume({ lab, home, snapshotId }: FullLab): Promise<string | undefined> {
  const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {
    Filters: [{ Name: 'status', Values: ['available'] }],
  })
  const VolumeId = volumes[0]?.VolumeId ?? (await createVolume(lab, { SnapshotId: snapshotId })).id
  if (volumes.length === 0) await home.leave(0)
  const reason = await takeSnapshot(lab, (await lab.call('CreateSnapshot', { VolumeId })).SnapshotId)
  if (reason === undefined) await deleteVolume(lab, VolumeId)
  return reason
}

async function importSnapshot({ lab, directory }: FullLab): Promise<string | undefined> {
  const DiskContainer = { Format: 'RAW', Url: `file://${join(directory, 'disk.raw')}` }
  const { ImportTaskId: id = '' } = await lab.call('ImportSnapshot', { DiskContainer })
  const look = async () =>
    (await lab.call('DescribeImportSnapshotTasks', { ImportTaskIds: [id] })).ImportSnapshotTasks?.[0]
      ?.SnapshotTaskDetail
  const task = await endOf(look, (found) => found?.Status !== 'active')
  if (task?.Status !== 'completed') return `${task?.Status}: ${task?.StatusMessage}`
  const Tags = [{ Key: 'Name', Value: toBeArchived }]
  await lab.call('CreateTags', { Resources: [task.SnapshotId ?? ''], Tags })
  return undefined
}

async function findToBeArchived({ lab }: FullLab): Promise<string> {
  const Filters = [{ Name: 'tag:Name', Values: [toBeArchived] }]
  return (await lab.call('DescribeSnapshots', { Filters })).Snapshots?.[0]?.SnapshotId ?? ''
}
