import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'

/** DeleteVolume: of one that nothing is attached to. Snapshots of it stay. */
export function deleteVolume(domain: Domain): Ec2Mutation<'DeleteVolume'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      if (volume.attachment) {
        throw new Ec2Error(
          'VolumeInUse',
          `Volume ${volume.id} is currently attached to ${volume.attachment.instanceId}`,
        )
      }
      if (volume.state !== 'available' && volume.state !== 'error') {
        throw new Ec2Error('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
      }
      store.volumes.replace({ ...volume, state: 'deleting' })
      context.afterCommit(() => domain.volumes.wake(volume.id))
      return {}
    },
  }
}
