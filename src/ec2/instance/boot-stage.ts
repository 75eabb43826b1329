import type { Store } from '../ports/store.ts'
import { type BootStage, bootStages } from './instance.ts'

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

/** Whether the boot has come that far, by that stage or any later one. */
export function hasReached(stages: Readonly<Partial<Record<BootStage, number>>>, stage: BootStage): boolean {
  return bootStages.slice(bootStages.indexOf(stage)).some((later) => stages[later] !== undefined)
}
