import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { requireNotHibernated } from '../hibernation/hibernation.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { describeAttachment } from './describe-volume.ts'
import type { VolumeRecord } from './volume.ts'

/**
 * DetachVolume: the guest is asked to give the device up, and the volume is `available` when it has. With `Force` the volume is taken away
 * from a guest that does not: what it still writes is lost.
 */
export function detachVolume(domain: Domain): Ec2Mutation<'DetachVolume'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['Device', 'Force', 'InstanceId', 'VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      const { attachment } = volume
      if (!attachment || volume.state !== 'in-use') {
        throw new Ec2Error('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
      }
      if (input.InstanceId) findOne('i', input.InstanceId, (id) => store.instances.get(context, id))
      const isOther =
        (input.InstanceId && input.InstanceId !== attachment.instanceId) ||
        (input.Device && input.Device !== attachment.deviceName)
      if (isOther) {
        throw new Ec2Error(
          'InvalidAttachment.NotFound',
          `The volume '${volume.id}' is not attached to instance '${input.InstanceId ?? attachment.instanceId}' as device '${(input.Device ?? attachment.deviceName).slice(0, 80)}'`,
        )
      }
      const instance = store.instances.find(attachment.instanceId)
      if (instance) requireNotHibernated(instance, 'have volumes detached')
      if (instance?.rootDeviceName === attachment.deviceName && instance.state !== 'stopped') {
        throw new Ec2Error(
          'OperationNotPermitted',
          `Unable to detach root volume '${volume.id}' from instance '${instance.id}'`,
        )
      }
      const detaching: VolumeRecord = {
        ...volume,
        attachment: { ...attachment, state: 'detaching', ...(input.Force ? { isForced: true } : {}) },
      }
      store.volumes.replace(detaching)
      context.afterCommit(() => domain.instances.wake(attachment.instanceId))
      return describeAttachment(detaching)
    },
  }
}
