import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { requireNotHibernated } from '../hibernation/hibernation.ts'
import { findOne } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import { requireSubscription } from '../marketplace/require-subscription.ts'
import type { Ec2Mutation } from '../operation.ts'
import { drivePortCount } from '../ports/machine-spec.ts'
import type { Store } from '../ports/store.ts'
import { describeAttachment } from './describe-volume.ts'
import { lowestFreePort } from './drive-port.ts'
import type { VolumeRecord } from './volume.ts'
import { isDeviceName } from './device-name.ts'
import { requireBootType } from './volume-type.ts'

/**
 * AttachVolume: into the machine of a running instance at once; of a stopped one it is there at the next start. The volume stays when the
 * instance is terminated, until ModifyInstanceAttribute says otherwise. Product codes of the volume become the instance's.
 */
export function attachVolume(domain: Domain): Ec2Mutation<'AttachVolume'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['Device', 'InstanceId', 'VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const deviceName = input.Device ?? ''
      if (!isDeviceName(deviceName)) {
        const shown = deviceName.slice(0, 80)
        throw invalidParameterValue('device', shown, `${shown} is not a valid EBS device name.`)
      }
      if (volume.attachment) throw new Ec2Error('VolumeInUse', `${volume.id} is already attached to an instance`)
      if (volume.state !== 'available') throw new Ec2Error('IncorrectState', `${volume.id} is not 'available'.`)
      if (instance.state !== 'running' && instance.state !== 'stopped') {
        throw new Ec2Error('IncorrectState', `Instance '${instance.id}' is not 'running'.`)
      }
      requireNotHibernated(instance, 'have volumes attached')
      if (volume.availabilityZone !== instance.availabilityZone) {
        throw new Ec2Error(
          'InvalidVolume.ZoneMismatch',
          `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
        )
      }
      if (deviceName === instance.rootDeviceName) requireBootType(volume.volumeType)
      const codes = volume.productCodes ?? []
      if (codes.length > 0) {
        if (instance.state !== 'stopped') {
          throw new Ec2Error(
            'IncorrectState',
            `The volume '${volume.id}' has product codes of the marketplace: it can be attached to a stopped instance only.`,
          )
        }
        requireSubscription(domain, context, codes)
        store.instances.replace({ ...instance, ...withProductCodes(instance.productCodes, codes) })
      }
      const port = choosePort(store, instance.id, deviceName)
      const attached: VolumeRecord = {
        ...volume,
        state: 'in-use',
        attachment: {
          instanceId: instance.id,
          deviceName,
          state: instance.state === 'stopped' ? 'attached' : 'attaching',
          attachTime: context.now.toISOString(),
          deleteOnTermination: false,
          port,
        },
      }
      store.volumes.replace(attached)
      context.afterCommit(() => domain.instances.wake(instance.id))
      return describeAttachment(attached, 'attaching')
    },
  }
}

/** The root device has port 0 from the launch on. Throws InvalidParameterValue for a device name in use, AttachmentLimitExceeded. */
function choosePort(store: Store, instanceId: string, deviceName: string): number {
  const present = store.volumes.listBy('attachment.instanceId', instanceId)
  if (present.some(({ attachment }) => attachment?.deviceName === deviceName)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Invalid value '${deviceName}' for unixDevice. Attachment point ${deviceName} is already in use`,
    )
  }
  const port = lowestFreePort(present)
  if (port !== undefined) return port
  throw new Ec2Error('AttachmentLimitExceeded', `An instance can have at most ${drivePortCount} volumes.`)
}
