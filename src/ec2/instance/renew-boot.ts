import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { Store } from '../ports/store.ts'
import type { InstanceRecord } from './instance.ts'

/**
 * Records a new boot of an instance that stays `running`: its stages begin anew, what was asked for is done. `consoleStart` is given when
 * the machine goes on and only its guest boots again: then the machine's accelerator is still the one.
 */
export function renewBoot(
  { store, clock, random }: { store: Store; clock: Clock; random: Random },
  record: InstanceRecord,
  consoleStart?: number,
): InstanceRecord {
  return store.transaction(() => {
    const { request: _request, ...present } = store.instances.find(record.id) ?? record
    const isSameMachine = consoleStart !== undefined
    const { accelerator, acceleratorReason } = present.boot ?? {}
    const renewed: InstanceRecord = {
      ...present,
      boot: {
        requestedAt: clock.now().toISOString(),
        isFirst: false,
        generationId: (isSameMachine ? present.boot?.generationId : undefined) ?? random.uuid(),
        ...(isSameMachine ? { consoleStart } : {}),
        ...(isSameMachine && accelerator ? { accelerator } : {}),
        ...(isSameMachine && acceleratorReason ? { acceleratorReason } : {}),
        stages: {},
      },
    }
    store.instances.replace(renewed)
    return renewed
  })
}
