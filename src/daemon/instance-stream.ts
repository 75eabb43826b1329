import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Ec2Error, incorrectInstanceState } from '../ec2/errors.ts'
import { findOne } from '../ec2/ids.ts'
import type { Scope } from '../ec2/ports/store.ts'
import { createSerialConsoles } from '../machine/serial-console.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'

const dialTimeoutMs = 30_000

/** Opens an instance's serial console, or a connection to one of its TCP ports. Rejects with EC2's errors. */
export type StreamOpener = (scope: Scope, kind: 'dial' | 'console', instanceId: string, port: number) => Promise<Duplex>

/** Whoever opens a console shares it with all others, so there is one for all front ends. */
export function createStreamOpener(
  { store, paths }: Ground,
  { network: { network }, machines: { instances } }: Rooms,
): StreamOpener {
  const serialConsoles = createSerialConsoles()
  return async (scope, kind, instanceId, port) => {
    const instance = findOne('i', instanceId, (id) => store.instances.get(scope, id))
    if (kind === 'console' && !instances.runtimeOf(instance.id)?.machine) {
      throw incorrectInstanceState(instance.id, instance.state)
    }
    try {
      if (kind === 'console') return await serialConsoles.open(join(paths.machines, instance.id))
      return await network.dial(instance.vpcId, instance.privateIp, port, AbortSignal.timeout(dialTimeoutMs))
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown'
      const where = kind === 'console' ? 'its serial console' : `port ${port}`
      throw new Ec2Error('InstanceUnreachable', `${instance.id} does not answer on ${where}: ${why}`, 502)
    }
  }
}
