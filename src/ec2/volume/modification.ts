import type { Clock } from '../../host/clock.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import type { Store } from '../ports/store.ts'
import type { VolumeModification, VolumeRecord } from './volume.ts'

/** Whether ModifyVolume has asked for something that is not yet done to the end. */
export function isModifying({ modification }: Pick<VolumeRecord, 'modification'>): boolean {
  return modification?.state === 'modifying' || modification?.state === 'optimizing'
}

/**
 * Does what ModifyVolume asked for by `change`: from then on the volume is `optimizing`, which means that it is as it shall be, and it is
 * `completed` when its description on the disk says so too. A change that fails is told and not tried again. Safe to repeat.
 */
export async function carryOutModification(
  dependencies: { store: Store; clock: Clock; descriptions: DescriptionWriter },
  volumeId: string,
  change: (volume: VolumeRecord, target: VolumeModification['target']) => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const { store, clock, descriptions } = dependencies
  const now = () => clock.now().toISOString()
  const volume = store.volumes.find(volumeId)
  if (volume?.modification?.state === 'modifying') {
    try {
      await change(volume, volume.modification.target)
      record(store, volumeId, ({ iops: _iops, throughputMibps: _throughput, ...rest }, modification) => ({
        ...rest,
        ...modification.target,
        modification: { ...modification, state: 'optimizing' },
      }))
    } catch (error) {
      onFailure(error)
      const statusMessage = error instanceof Error ? error.message : String(error)
      record(store, volumeId, (present, modification) => ({
        ...present,
        modification: { ...modification, state: 'failed', endTime: now(), statusMessage },
      }))
    }
  }
  await descriptions.describeVolume(volumeId)
  record(store, volumeId, (present, modification) =>
    modification.state === 'optimizing'
      ? { ...present, modification: { ...modification, state: 'completed', endTime: now() } }
      : undefined,
  )
}

/** The volume may have been changed or deleted meanwhile: what is there now is what is changed. */
function record(
  store: Store,
  volumeId: string,
  change: (volume: VolumeRecord, modification: VolumeModification) => VolumeRecord | undefined,
): void {
  store.transaction(() => {
    const present = store.volumes.find(volumeId)
    const changed = present?.modification && change(present, present.modification)
    if (changed) store.volumes.replace(changed)
  })
}
