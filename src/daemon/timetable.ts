import type { Dispatch } from '../api/dispatch.ts'
import { ownerOf } from '../ec2/access/identity.ts'
import { createFaultClock, type FaultClock } from '../ec2/fault/fault-clock.ts'
import { createInstanceReaper } from '../ec2/instance/reaper.ts'
import { createEventRunner, type EventRunner } from '../ec2/instance-event/event-runner.ts'
import { createScheduledCheck } from '../ec2/layer/scheduled-check.ts'
import { createLifecycleManager, type LifecycleManager } from '../ec2/lifecycle/lifecycle-manager.ts'
import type { Scope } from '../ec2/ports/store.ts'
import { createBinEmptier } from '../ec2/recycle-bin/bin-emptier.ts'
import { createScheduleRunner, type ScheduleRunner } from '../ec2/schedule/schedule-runner.ts'
import { createSpotInterrupter, type SpotInterrupter } from '../ec2/spot/spot-interrupter.ts'
import type { Ground } from './ground.ts'
import { readLifecycleFiles } from './lifecycle-files.ts'
import type { MachineRoom } from './machine-room.ts'
import type { NetworkRoom } from './network-room.ts'
import type { StorageRoom } from './storage-room.ts'

/** What happens when its time has come, with nobody asking. */
export interface Timetable {
  readonly schedules: ScheduleRunner
  readonly spotInterrupter: SpotInterrupter
  readonly eventRunner: EventRunner
  readonly lifecycle: LifecycleManager
  readonly faults: FaultClock
  start(): void
  close(): Promise<void>
}

export function createTimetable(
  ground: Ground,
  { layers, layerCheck, descriptionRefresher }: StorageRoom,
  { instances, clonePool }: MachineRoom,
  { networks }: NetworkRoom,
  dispatch: Dispatch,
): Timetable {
  const { store, clock, random, paths, events, log, settings } = ground
  async function callAs({ accountId, region }: Scope, operation: string, input: object): Promise<unknown> {
    const source = { kind: 'schedule' } as const
    const caller = { accountId, region, identity: ownerOf(accountId), source, requestId: random.uuid() }
    return await dispatch(caller, operation, { ...input })
  }
  const schedules = createScheduleRunner({
    store,
    clock,
    events,
    log,
    run: async (schedule, instanceId) => {
      const operation = schedule.action === 'start' ? 'StartInstances' : 'StopInstances'
      await callAs(schedule, operation, { InstanceIds: [instanceId] })
    },
  })
  const spotInterrupter = createSpotInterrupter({ store, clock, events, instances, log })
  const faults = createFaultClock({ store, clock, events, networks, log })
  const eventRunner = createEventRunner({ store, clock, events, instances, log })
  const reaper = createInstanceReaper({
    ...{ store, clock, paths, clonePool, log },
    retentionMs: settings.terminatedRetentionMs,
  })
  const { id: accountId, defaultRegion: region } = ground.configuration.account
  const lifecycle = createLifecycleManager({
    ...{ store, clock, events, log },
    readFiles: () => readLifecycleFiles(paths.lifecycle, { accountId, region }),
    call: callAs,
  })
  const binEmptier = createBinEmptier({ store, clock, layers, descriptions: descriptionRefresher, log })
  const scheduledCheck = createScheduledCheck({
    store,
    clock,
    home: { accountId, region },
    layerCheck,
    expression: ground.configuration.storage.checkAt,
    log,
  })
  return {
    schedules,
    spotInterrupter,
    eventRunner,
    lifecycle,
    faults,
    start: () => {
      schedules.refresh()
      spotInterrupter.refresh()
      faults.refresh()
      eventRunner.refresh()
      reaper.start()
      binEmptier.start()
      lifecycle.start()
      scheduledCheck.start()
    },
    close: async () => {
      schedules.close()
      spotInterrupter.close()
      faults.close()
      eventRunner.close()
      reaper.stop()
      binEmptier.stop()
      lifecycle.close()
      await scheduledCheck.stop()
    },
  }
}
