import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { Machine } from '../ports/machine.ts'
import type { Store } from '../ports/store.ts'
import { type InstanceRuntime, waitForRuntime } from './runtime.ts'

/** The gentle way to end a machine: its guest is asked, as by the button of a computer. */
export interface PowerButton {
  /**
   * Presses until the machine is gone, a stronger request arrives, or the time is over; resolves with whether it is gone. One press is
   * not enough: a guest that is still booting does not hear it.
   */
  press(runtime: InstanceRuntime, machine: Machine, timeoutMs: number): Promise<boolean>
  /** For an instance that is being terminated: asks once and waits until the machine is gone or the time is over. */
  pressOnce(runtime: InstanceRuntime, machine: Machine, timeoutMs: number): Promise<void>
}

const intervalMs = 5000

export function createPowerButton(dependencies: {
  store: Store
  clock: Clock
  log: Logger
  isClosed: () => boolean
}): PowerButton {
  const { store, clock, log, isClosed } = dependencies

  async function push(runtime: InstanceRuntime, machine: Machine): Promise<void> {
    try {
      await machine.powerDown()
    } catch (error) {
      // A machine that has just ended cannot answer; its end is noticed by itself.
      log.debug({ instanceId: runtime.id, err: error }, 'power button')
    }
  }

  function hasStrongerRequest(instanceId: string): boolean {
    const record = store.instances.find(instanceId)
    return (
      !record || record.state === 'shutting-down' || (record.state === 'stopping' && record.request?.isForced === true)
    )
  }

  return {
    press: async (runtime, machine, timeoutMs) => {
      const deadline = clock.monotonicMs() + timeoutMs
      const isOver = () => runtime.machine === undefined || isClosed() || hasStrongerRequest(runtime.id)
      while (!isOver() && clock.monotonicMs() < deadline) {
        await push(runtime, machine)
        await waitForRuntime(runtime, isOver, Math.min(intervalMs, deadline - clock.monotonicMs()))
      }
      return runtime.machine === undefined
    },
    pressOnce: async (runtime, machine, timeoutMs) => {
      await push(runtime, machine)
      await waitForRuntime(runtime, () => runtime.machine === undefined || isClosed(), timeoutMs)
    },
  }
}
