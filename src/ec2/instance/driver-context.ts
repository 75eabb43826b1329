import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Hibernator } from '../hibernation/hibernator.ts'
import type { Store } from '../ports/store.ts'
import type { RootReplacer } from '../root-volume-task/root-replacer.ts'
import type { BootWatcher } from './boot-watcher.ts'
import type { DiskPause } from './disk-pause.ts'
import type { DrivePlugging } from './drive-plugging.ts'
import type { InstanceDisks } from './instance-disks.ts'
import type { InstanceRelease } from './instance-release.ts'
import type { InterfacePlugging } from './interface-plugging.ts'
import type { MachineLauncher } from './launcher.ts'
import type { MachinePlanner } from './machine-planner.ts'
import type { PowerButton } from './power-button.ts'

export interface DriverDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly events: EventBus
  readonly planner: MachinePlanner
  readonly launcher: MachineLauncher
  readonly instanceDisks: InstanceDisks
  readonly instanceRelease: InstanceRelease
  readonly bootWatcher: BootWatcher
  readonly diskPause: DiskPause
  readonly drives: DrivePlugging
  readonly interfaces: InterfacePlugging
  readonly rootReplacer: RootReplacer
  readonly hibernator: Hibernator
  readonly log: Logger
  readonly stopTimeoutMs: number
  readonly rebootTimeoutMs: number
  readonly startAfterHostReboot: boolean
}

/** What the steps of the driver share. */
export interface DriverContext extends DriverDependencies {
  readonly powerButton: PowerButton
  /** Nothing more is to be begun. */
  readonly isClosed: () => boolean
  readonly wake: (instanceId: string) => void
}

/** Does what was asked of an instance's devices and no machine has to do. */
export async function settleDevices(
  { rootReplacer, drives, interfaces }: DriverContext,
  instanceId: string,
): Promise<void> {
  await rootReplacer.settle(instanceId)
  await drives.settle(instanceId)
  interfaces.settle(instanceId)
}
