import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { SocketServerDependencies } from '../api/socket/server.ts'
import { Ec2Error, incorrectInstanceState } from '../ec2/errors.ts'
import { findOne } from '../ec2/ids.ts'
import { createSerialConsoles } from '../machine/serial-console.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'

const dialTimeoutMs = 30_000

/** Opens what the socket's front end streams: an instance's serial console, or one of its TCP ports. */
export function createStreamOpener(
  { store, paths }: Ground,
  { network: { network }, machines: { instances } }: Rooms,
): SocketServerDependencies['openStream'] {
  const serialConsoles = createSerialConsoles()
  return async (caller, kind, instanceId, port): Promise<Duplex> => {
    const instance = findOne('i', instanceId, (id) => store.instances.get(caller, id))
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
