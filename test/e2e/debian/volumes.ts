import { expect } from 'vitest'
import { type Lab, until } from '../lab.ts'
import type { Servers } from '../servers.ts'

/** Volumes of a server besides its root volume, as it sees them itself. */
export interface Volumes {
  linkOf(volumeId: string): string
  /** Of the file system: whether its journal is to be replayed before it is whole. */
  needsRecovery(volumeId: string): Promise<boolean>
  make(from: { Size: number } | { SnapshotId: string }): Promise<string>
  /** Resolves when the server sees it. */
  attach(volumeId: string, device: string): Promise<void>
  /** Detaches and deletes it. */
  remove(volumeId: string): Promise<void>
  /** A volume made of a snapshot of another one that is taken now, attached. */
  restoreFromSnapshot(volumeId: string, device: string): Promise<string>
}

export function volumesOf(lab: Lab, servers: Servers, id: string): Volumes {
  const linkOf = (volumeId: string) => `/dev/disk/by-id/virtio-${volumeId.replace('-', '')}`
  const findLink = async (volumeId: string) => await servers.run(id, `ls ${linkOf(volumeId)} 2>/dev/null || true`)
  const waitForVolume = async (volumeId: string) =>
    await until(async () => {
      const { Volumes: found } = await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })
      return found?.[0]?.State === 'available'
    })

  async function make(from: { Size: number } | { SnapshotId: string }): Promise<string> {
    const zone = (await servers.describe(id)).Placement?.AvailabilityZone ?? ''
    const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, ...from })
    await waitForVolume(volumeId)
    return volumeId
  }

  async function attach(volumeId: string, device: string): Promise<void> {
    await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: id, Device: device })
    await until(async () => (await findLink(volumeId)) !== '')
  }

  return {
    linkOf,
    needsRecovery: async (volumeId) =>
      (await servers.run(id, `sudo dumpe2fs -h ${linkOf(volumeId)} 2>/dev/null`)).includes('needs_recovery'),
    make,
    attach,
    remove: async (volumeId) => {
      await lab.call('DetachVolume', { VolumeId: volumeId })
      await waitForVolume(volumeId)
      expect(await findLink(volumeId)).toBe('')
      await lab.call('DeleteVolume', { VolumeId: volumeId })
    },
    restoreFromSnapshot: async (volumeId, device) => {
      const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: volumeId })
      await until(async () => {
        const { Snapshots: found } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
        return found?.[0]?.State === 'completed'
      })
      const copy = await make({ SnapshotId: snapshotId })
      await lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
      await attach(copy, device)
      return copy
    },
  }
}
