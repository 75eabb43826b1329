import type { InstanceRuntime } from './runtime.ts'
import type { StateChange } from './state-machine.ts'

/** How EC2 words that a machine has ended by itself: the guest powered off, or something failed. */
export function changeForEnding(ending: InstanceRuntime['ending']): StateChange {
  if (ending?.isClean) {
    return {
      reason: {
        code: 'Client.InstanceInitiatedShutdown',
        message: 'Client.InstanceInitiatedShutdown: Instance initiated shutdown',
      },
    }
  }
  const why = ending?.reason ?? 'the machine is gone'
  return { reason: { code: 'Server.InternalError', message: `Server.InternalError: ${why}` } }
}
