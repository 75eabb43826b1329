import type { Machine } from '../ports/machine.ts'
import type { DriverContext } from './driver-context.ts'
import type { InstanceRecord } from './instance.ts'
import type { InstanceRuntime } from './runtime.ts'

/** A machine runs for the instance, just started or found again. */
export function takeOver(
  context: DriverContext,
  runtime: InstanceRuntime,
  machine: Machine,
  record: InstanceRecord,
): void {
  runtime.machine = machine
  runtime.checks = { system: 'initializing', instance: 'initializing' }
  watchBoot(context, runtime, record)
}

/** Watches the boot that the record tells of, and no earlier one. */
export function watchBoot({ bootWatcher }: DriverContext, runtime: InstanceRuntime, record: InstanceRecord): void {
  runtime.bootWatch?.abort()
  const watch = (runtime.bootWatch = new AbortController())
  bootWatcher.watch(record.id, runtime, watch.signal)
}
