import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { requireNotHibernated } from '../hibernation/hibernation.ts'
import { findOne, idNotFound, requireWellFormed } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Ec2Mutation } from '../operation.ts'
import { networkPortCount } from '../ports/machine-spec.ts'
import { attachmentOf } from './attachment.ts'
import { requireIpv6Room } from './ipv6-choice.ts'
import { type InterfaceRecord, requireUsersOwn } from './network-interface.ts'
import { detachedOf } from './public-address.ts'

/** AttachNetworkInterface: into the machine of a running instance at once; of a stopped one it is there at the next start. */
export function attachNetworkInterface(domain: Domain): Ec2Mutation<'AttachNetworkInterface'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'InstanceId', 'DeviceIndex', 'NetworkCardIndex'],
    apply: (context, input) => {
      requireOneOf('AttachNetworkInterface', 'NetworkCardIndex', input.NetworkCardIndex, [0])
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const deviceIndex = input.DeviceIndex ?? -1
      requireNotHibernated(instance, 'have interfaces attached')
      requireFitting(record, instance)
      requireFreeIndex(domain, instance, deviceIndex)
      requireIpv6Room(domain.instanceTypes.get(instance.instanceType), record.ipv6Addresses?.length ?? 0)
      const attachment = attachmentOf(domain, {
        instanceId: instance.id,
        deviceIndex,
        attachTime: context.now.toISOString(),
        deleteOnTermination: false,
        ...(instance.state === 'stopped' ? {} : { state: 'attaching' }),
      })
      store.interfaces.replace({ ...record, attachment })
      context.afterCommit(() => domain.instances.wake(instance.id))
      return { AttachmentId: attachment.id, NetworkCardIndex: 0 }
    },
  }
}

function requireFitting(record: InterfaceRecord, instance: InstanceRecord): void {
  requireUsersOwn(record)
  if (record.attachment) throw new Ec2Error('InvalidNetworkInterface.InUse', `Interface: [${record.id}] in use.`)
  if (instance.state !== 'running' && instance.state !== 'stopped') {
    throw new Ec2Error('IncorrectState', `Instance '${instance.id}' is not 'running' or 'stopped'.`)
  }
  if (record.availabilityZone !== instance.availabilityZone) {
    throw invalidParameterCombination(
      'You may not attach a network interface to an instance if they are not in the same availability zone',
    )
  }
  if (record.vpcId !== instance.vpcId) {
    throw unsupportedOperation(
      `${record.id} is in ${record.vpcId} and ${instance.id} in ${instance.vpcId}: interfaces in several VPCs are not supported by Kiln.`,
    )
  }
}

function requireFreeIndex({ store, instanceTypes }: Domain, instance: InstanceRecord, deviceIndex: number): void {
  if (deviceIndex < 0 || deviceIndex >= networkPortCount) {
    throw invalidParameterValue('deviceIndex', deviceIndex, `Expected 0 to ${networkPortCount - 1}.`)
  }
  const present = store.interfaces.listBy('attachment.instanceId', instance.id)
  if (present.some(({ attachment }) => attachment?.deviceIndex === deviceIndex)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Instance '${instance.id}' already has an interface attached at device index '${deviceIndex}'.`,
    )
  }
  const limit = Math.min(instanceTypes.get(instance.instanceType).maximumInterfaces, networkPortCount)
  if (present.length < limit) return
  throw new Ec2Error(
    'AttachmentLimitExceeded',
    `Interface count ${present.length + 1} exceeds the limit for ${instance.instanceType}, ${limit}.`,
  )
}

/** DetachNetworkInterface: a running guest is asked to give the device up; with `Force` it is not waited for. */
export function detachNetworkInterface(domain: Domain): Ec2Mutation<'DetachNetworkInterface'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['AttachmentId', 'Force'],
    apply: (context, { AttachmentId: attachmentId = '', Force: isForced = false }) => {
      requireWellFormed('eni-attach', attachmentId)
      const [found] = store.interfaces.listBy('attachment.id', attachmentId)
      const record = found && store.interfaces.get(context, found.id)
      if (!record?.attachment) throw idNotFound('eni-attach', [attachmentId])
      const { attachment } = record
      if (attachment.deviceIndex === 0) {
        throw new Ec2Error(
          'OperationNotPermitted',
          'The network interface at device index 0 and networkCard index 0 cannot be detached.',
        )
      }
      const instance = store.instances.find(attachment.instanceId)
      if (instance) requireNotHibernated(instance, 'have interfaces detached')
      if (instance?.state === 'stopped') {
        store.interfaces.replace(detachedOf(record))
      } else {
        store.interfaces.replace({
          ...record,
          attachment: { ...attachment, state: 'detaching', ...(isForced ? { isForced } : {}) },
        })
      }
      context.afterCommit(() => domain.instances.wake(attachment.instanceId))
      return {}
    },
  }
}
