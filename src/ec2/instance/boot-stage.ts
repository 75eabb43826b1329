import type { Store } from '../ports/store.ts'
import type { BootStage } from './instance.ts'

/** Records that the present boot has reached a stage; a stage is reached once. Answers whether it was new. */
export function markStage(store: Store, instanceId: string, stage: BootStage, at: Date): boolean {
  return store.transaction(() => {
    const record = store.instances.find(instanceId)
    if (!record?.boot || record.boot.stages[stage] !== undefined) return false
    const seconds = Math.max(0, (at.getTime() - new Date(record.boot.requestedAt).getTime()) / 1000)
    const stages = { ...record.boot.stages, [stage]: Math.round(seconds * 1000) / 1000 }
    store.instances.replace({ ...record, boot: { ...record.boot, stages } })
    return true
  })
}

/** Records that the guest has read its metadata: it had a network to ask by, though no port of it may have answered yet. */
export function markMetadataRead(store: Store, instanceId: string, at: Date): void {
  markStage(store, instanceId, 'network', at)
  markStage(store, instanceId, 'metadata', at)
}
