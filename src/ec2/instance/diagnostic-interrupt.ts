import type { Domain } from '../domain.ts'
import { incorrectInstanceState, unsupportedOperation } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { findInstance } from './find-instance.ts'

/** SendDiagnosticInterrupt: a non-maskable interrupt; what comes of it is the guest kernel's affair. */
export function sendDiagnosticInterrupt({ store, instances, events }: Domain): Ec2Mutation<'SendDiagnosticInterrupt'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId'],
    apply: (context, input) => {
      const instance = findInstance(store, context, input.InstanceId)
      const machine = instances.runtimeOf(instance.id)?.machine
      if (instance.state !== 'running' || !machine) throw incorrectInstanceState(instance.id, 'interrupted')
      if (instance.architecture === 'arm64') {
        throw unsupportedOperation('An arm64 machine has no non-maskable interrupt.')
      }
      context.afterCommit(() => {
        machine.injectNmi().catch((error: unknown) =>
          events.publish({
            kind: 'instance-problem',
            resourceId: instance.id,
            message: `the diagnostic interrupt did not reach ${instance.id}: ${error instanceof Error ? error.message : 'unknown'}`,
          }),
        )
      })
      return {}
    },
  }
}
