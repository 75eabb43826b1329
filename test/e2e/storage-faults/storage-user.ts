import { join } from 'node:path'
import type { Lab } from '../lab.ts'
import type { TestRandom } from '../random.ts'
import { isDaemonGone, workSimultaneously } from '../simultaneous-work.ts'

/** What somebody does with disks; each is killed in its midst often enough. */
export const storageActs = [
  'snapshot',
  'image',
  'copy',
  'encrypt',
  'archive',
  'restore',
  'import',
  'push',
  'launch',
  'stop',
  'start',
  'delete',
  'terminate',
] as const
export type StorageAct = (typeof storageActs)[number]

/** A snapshot or an image that the daemon has said yes to. `isDoubtful`: a call on it broke off, and may or may not have been done. */
export interface KnownDisk {
  readonly id: string
  readonly kind: 'snapshot' | 'image'
  isDeleted: boolean
  isDoubtful: boolean
}

/** Somebody who takes snapshots, makes, copies, imports and deletes images all the time, and remembers what was acknowledged. */
export interface StorageUser {
  /** Begins to work; `stop` resolves when the calls under way have ended, one way or the other. */
  work(): { stop(): Promise<void> }
  /** Deletes the images and snapshots that nobody acknowledged to him. */
  deleteUnknown(): Promise<void>
  readonly disks: ReadonlyMap<string, KnownDisk>
  /** How often each act was acknowledged, and how often it broke off. */
  readonly counts: ReadonlyMap<StorageAct, { done: number; brokenOff: number }>
}

const snapshotPool = 10
const imagePool = 6
const machinePool = 3
const simultaneous = 3
/** A KMS key that the lab's configuration names. */
export const otherKey = 'alias/faults'

export function createStorageUser(dependencies: {
  lab: Lab
  random: TestRandom
  /** Of the machine that counts. */
  imageId: string
  /** A raw disk to be imported. */
  importSource: string
  /** `host:port` of a registry. */
  registry: string
}): StorageUser {
  const { lab, random, imageId, importSource, registry } = dependencies
  const disks = new Map<string, KnownDisk>()
  const counts = new Map(storageActs.map((act) => [act, { done: 0, brokenOff: 0 }]))
  let nextNumber = 1

  const present = (kind: KnownDisk['kind']) =>
    [...disks.values()].filter((disk) => disk.kind === kind && !disk.isDeleted && !disk.isDoubtful)
  const know = (kind: KnownDisk['kind'], id: string) => disks.set(id, { id, kind, isDeleted: false, isDoubtful: false })

  async function pickInstance(...states: readonly string[]): Promise<string | undefined> {
    const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {
      Filters: [{ Name: 'instance-state-name', Values: [...states] }],
    })
    return random.pick(reservations.flatMap(({ Instances: all = [] }) => all))?.InstanceId
  }

  const acts: Readonly<Record<StorageAct, () => Promise<unknown>>> = {
    snapshot: async () => {
      const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {})
      const volumeId = random.pick(volumes)?.VolumeId
      if (volumeId === undefined || present('snapshot').length >= snapshotPool) return 'nothing'
      const { SnapshotId: id = '' } = await lab.call('CreateSnapshot', { VolumeId: volumeId })
      return know('snapshot', id)
    },
    image: async () => {
      const instanceId = await pickInstance('running', 'stopped')
      if (instanceId === undefined || present('image').length >= imagePool) return 'nothing'
      const name = `image-${nextNumber++}`
      const { ImageId: id = '' } = await lab.call('CreateImage', { InstanceId: instanceId, Name: name, NoReboot: true })
      return know('image', id)
    },
    copy: async () => await copy({}),
    // Written anew: also what is encrypted already, when that is by the other of the two.
    encrypt: async () =>
      await copy({ Encrypted: true, KmsKeyId: random.pick(['alias/aws/ebs', otherKey] as const) ?? otherKey }),
    archive: async () =>
      await onSnapshot('standard', (id) => lab.call('ModifySnapshotTier', { SnapshotId: id, StorageTier: 'archive' })),
    restore: async () =>
      await onSnapshot('archive', (id) =>
        lab.call('RestoreSnapshotTier', {
          SnapshotId: id,
          ...(random.pick([true, false]) ? { PermanentRestore: true } : { TemporaryRestoreDays: 1 }),
        }),
      ),
    import: async () => {
      if (present('image').length >= imagePool) return 'nothing'
      await lab.call('KilnImportImage', { Source: importSource, Name: `imported-${nextNumber++}` })
      return 'begun'
    },
    push: async () => {
      const image = random.pick(present('image'))
      if (!image) return 'nothing'
      await lab.call('KilnPushImage', { ImageId: image.id, Reference: `${registry}/faults:${image.id}` })
      return 'begun'
    },
    launch: async () => {
      const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {
        Filters: [{ Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }],
      })
      if (reservations.length >= machinePool) return 'nothing'
      const own = random.pick([{ id: imageId }, ...present('image')])?.id ?? imageId
      return await lab.call('RunInstances', { ImageId: own, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1 })
    },
    stop: async () =>
      await onInstance('running', (id) => lab.call('StopInstances', { InstanceIds: [id], Force: true })),
    start: async () => await onInstance('stopped', (id) => lab.call('StartInstances', { InstanceIds: [id] })),
    terminate: async () => await onInstance('stopped', (id) => lab.call('TerminateInstances', { InstanceIds: [id] })),
    delete: async () => {
      const kind = random.pick(['snapshot', 'image'] as const) ?? 'snapshot'
      const known = random.pick(present(kind))
      if (!known) return 'nothing'
      known.isDoubtful = true
      try {
        if (kind === 'snapshot') await lab.call('DeleteSnapshot', { SnapshotId: known.id })
        else await lab.call('DeregisterImage', { ImageId: known.id, DeleteAssociatedSnapshots: true })
      } catch (error) {
        // A refusal leaves no doubt.
        if (isRefusal(error)) known.isDoubtful = false
        throw error
      }
      known.isDeleted = true
      known.isDoubtful = false
      return 'deleted'
    },
  }

  async function copy(encryption: { Encrypted?: boolean; KmsKeyId?: string }): Promise<unknown> {
    const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', {
      OwnerIds: ['self'],
      Filters: [{ Name: 'status', Values: ['completed'] }],
    })
    const source = random.pick(snapshots)?.SnapshotId
    if (source === undefined || present('snapshot').length >= snapshotPool) return 'nothing'
    const request = { SourceRegion: 'us-east-1', SourceSnapshotId: source, ...encryption }
    const { SnapshotId: id = '' } = await lab.call('CopySnapshot', request)
    return know('snapshot', id)
  }

  /** On one of those that are taken, in that tier. */
  async function onSnapshot(tier: string, work: (id: string) => Promise<unknown>): Promise<unknown> {
    const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', {
      OwnerIds: ['self'],
      Filters: [{ Name: 'storage-tier', Values: [tier] }],
    })
    const known = new Set(present('snapshot').map(({ id }) => id))
    const id = random.pick(snapshots.filter(({ SnapshotId = '' }) => known.has(SnapshotId)))?.SnapshotId
    return id === undefined ? 'nothing' : await work(id)
  }

  async function onInstance(state: string, work: (id: string) => Promise<unknown>): Promise<unknown> {
    const id = await pickInstance(state)
    return id === undefined ? 'nothing' : await work(id)
  }

  async function workUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const act = random.pick(storageActs) ?? 'snapshot'
      const count = counts.get(act)
      try {
        const what = await acts[act]()
        if (count && what !== 'nothing') count.done++
      } catch (error) {
        if (isRefusal(error)) continue
        if (!isDaemonGone(error)) throw error
        if (count) count.brokenOff++
        // The daemon is gone: it is not asked again before the next round.
        return
      }
    }
  }

  /** Whose answers a kill has swallowed: there would be ever more of them. Snapshots of images go with these. */
  async function deleteUnknown(): Promise<void> {
    const known = new Set([imageId, ...disks.keys()])
    const { Images: images = [] } = await lab.call('DescribeImages', { Owners: ['self'] })
    for (const { ImageId: id = '' } of images) {
      if (!known.has(id)) await lab.call('DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
    }
    const { Images: kept = [] } = await lab.call('DescribeImages', { Owners: ['self'] })
    const mapped = new Set(
      kept.flatMap(({ BlockDeviceMappings: all = [] }) => all.map(({ Ebs: disk }) => disk?.SnapshotId)),
    )
    const { Snapshots: snapshots = [] } = await lab.call('DescribeSnapshots', { OwnerIds: ['self'] })
    for (const { SnapshotId: id = '' } of snapshots) {
      if (!known.has(id) && !mapped.has(id)) await lab.call('DeleteSnapshot', { SnapshotId: id })
    }
  }

  return {
    work: () => workSimultaneously(simultaneous, workUntil),
    deleteUnknown,
    disks,
    counts,
  }
}

/** The state does not allow it, or there is no room: part of a busy life. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error &&
    /IncorrectState|does not archive those|InvalidVolume\.NotFound|InvalidSnapshot\.(NotFound|InUse)|InvalidAMIID\.(NotFound|Unavailable)|IncorrectInstanceState|InvalidInstanceID|InsufficientInstanceCapacity|InvalidParameterValue: .*state/.test(
      error.message,
    )
  )
}

/** Where the lab keeps a snapshot's or an image's layer. */
export function layerFileOf(home: string, layerId: string): string {
  return join(home, 'layers', layerId, 'disk.qcow2')
}
