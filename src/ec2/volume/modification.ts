import type { Clock } from '../../host/clock.ts'
import type { Store } from '../ports/store.ts'

/** Records that what ModifyVolume asked for is done, or why it could not be. */
export function endModification(
  { store, clock }: { store: Store; clock: Clock },
  volumeId: string,
  failure?: string,
): void {
  store.transaction(() => {
    const volume = store.volumes.find(volumeId)
    if (volume?.modification?.state !== 'modifying') return
    const endTime = clock.now().toISOString()
    const { modification, iops: _iops, throughputMibps: _throughput, ...rest } = volume
    if (failure !== undefined) {
      store.volumes.replace({
        ...volume,
        modification: { ...modification, state: 'failed', endTime, statusMessage: failure },
      })
      return
    }
    store.volumes.replace({
      ...rest,
      ...modification.target,
      modification: { ...modification, state: 'completed', endTime },
    })
  })
}
