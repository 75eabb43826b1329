import type { ModifyInstanceAttributeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import {
  Ec2Error,
  incorrectInstanceState,
  invalidParameterCombination,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import { findAll, findOne } from '../ids.ts'
import { unknownInstanceType } from '../instance-type/instance-type.ts'
import type { Ec2Mutation, Ec2Query, MutationContext } from '../operation.ts'
import type { InstanceRecord } from './instance.ts'
import { readUserData } from './user-data.ts'

/** One attribute of an instance, in EC2's shape. */
export function describeInstanceAttribute(domain: Domain): Ec2Query<'DescribeInstanceAttribute'> {
  const { store } = domain
  return {
    kind: 'query',
    parameters: ['InstanceId', 'Attribute'],
    answer: (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const interfaces = store.interfaces.listBy('attachment.instanceId', instance.id)
      const base = { InstanceId: instance.id }
      switch (input.Attribute) {
        case 'instanceType':
          return { ...base, InstanceType: { Value: instance.instanceType } }
        case 'userData':
          return { ...base, UserData: instance.userData === undefined ? {} : { Value: instance.userData } }
        case 'disableApiTermination':
          return { ...base, DisableApiTermination: { Value: instance.hasTerminationProtection } }
        case 'disableApiStop':
          return { ...base, DisableApiStop: { Value: instance.hasStopProtection } }
        case 'instanceInitiatedShutdownBehavior':
          return { ...base, InstanceInitiatedShutdownBehavior: { Value: instance.shutdownBehavior } }
        case 'rootDeviceName':
          return { ...base, RootDeviceName: { Value: instance.rootDeviceName } }
        case 'ebsOptimized':
          return { ...base, EbsOptimized: { Value: instance.isEbsOptimized } }
        case 'enaSupport':
          return { ...base, EnaSupport: { Value: true } }
        case 'sourceDestCheck':
          return { ...base, SourceDestCheck: { Value: interfaces[0]?.hasSourceDestCheck ?? true } }
        case 'groupSet':
          return { ...base, Groups: (interfaces[0]?.groupIds ?? []).map((GroupId) => ({ GroupId })) }
        case 'blockDeviceMapping':
          return {
            ...base,
            BlockDeviceMappings: store.volumes
              .listBy('attachment.instanceId', instance.id)
              .map(({ id, attachment }) => ({
                DeviceName: attachment?.deviceName,
                Ebs: {
                  VolumeId: id,
                  Status: attachment?.state,
                  AttachTime: new Date(attachment?.attachTime ?? instance.launchTime),
                  DeleteOnTermination: attachment?.deleteOnTermination,
                },
              })),
          }
        case 'productCodes':
          return { ...base, ProductCodes: [] }
        case 'kernel':
          return { ...base, KernelId: {} }
        case 'ramdisk':
          return { ...base, RamdiskId: {} }
        case 'sriovNetSupport':
          return { ...base, SriovNetSupport: {} }
        case 'enclaveOptions':
          return { ...base, EnclaveOptions: { Enabled: false } }
        default:
          throw unsupportedOperation(`The instance attribute ${String(input.Attribute)} is not supported by Kiln.`)
      }
    },
  }
}

/** How each attribute is changed; `isStoppedOnly` ones need a stopped instance, as on EC2. */
interface AttributeChange {
  readonly isStoppedOnly: boolean
  apply(
    domain: Domain,
    context: MutationContext,
    instance: InstanceRecord,
    input: ModifyInstanceAttributeRequest,
  ): InstanceRecord
}

const changes: Readonly<Record<string, AttributeChange>> = {
  InstanceType: {
    isStoppedOnly: true,
    apply: ({ instanceTypes }, _context, instance, input) => {
      const name = input.InstanceType?.Value ?? ''
      const type = instanceTypes.find(name)
      if (!type) throw unknownInstanceType(name)
      if (!type.architectures.includes(instance.architecture)) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `The instance type ${name} does not run the architecture ${instance.architecture} of this instance.`,
        )
      }
      return { ...instance, instanceType: name }
    },
  },
  UserData: {
    isStoppedOnly: true,
    apply: (_domain, _context, instance, input) => {
      const { userData: _former, ...rest } = instance
      const value = input.UserData?.Value
      const userData = readUserData(value === undefined ? undefined : Buffer.from(value).toString('base64'))
      return userData === undefined ? rest : { ...rest, userData }
    },
  },
  DisableApiTermination: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      hasTerminationProtection: input.DisableApiTermination?.Value ?? false,
    }),
  },
  DisableApiStop: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      hasStopProtection: input.DisableApiStop?.Value ?? false,
    }),
  },
  InstanceInitiatedShutdownBehavior: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => {
      const value = input.InstanceInitiatedShutdownBehavior?.Value
      if (value !== 'stop' && value !== 'terminate') {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Value (${value}) for parameter instanceInitiatedShutdownBehavior is invalid. Expected stop or terminate.`,
        )
      }
      return { ...instance, shutdownBehavior: value }
    },
  },
  EbsOptimized: {
    isStoppedOnly: true,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      isEbsOptimized: input.EbsOptimized?.Value ?? false,
    }),
  },
  SourceDestCheck: {
    isStoppedOnly: false,
    apply: ({ store, networks }, context, instance, input) => {
      for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
        store.interfaces.replace({ ...record, hasSourceDestCheck: input.SourceDestCheck?.Value ?? true })
      }
      context.afterCommit(() => networks.refreshSoon(instance.vpcId))
      return instance
    },
  },
  Groups: {
    isStoppedOnly: false,
    apply: ({ store, networks }, context, instance, input) => {
      const groups = findAll('sg', input.Groups ?? [], (id) => store.securityGroups.get(context, id))
      if (groups.some(({ vpcId }) => vpcId !== instance.vpcId)) {
        throw new Ec2Error('InvalidGroup.NotFound', `All security groups must belong to VPC ${instance.vpcId}`)
      }
      for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
        if (record.attachment?.deviceIndex !== 0) continue
        store.interfaces.replace({ ...record, groupIds: groups.map(({ id }) => id) })
      }
      context.afterCommit(() => networks.refreshSoon(instance.vpcId))
      return instance
    },
  },
}

/** ModifyInstanceAttribute: exactly one attribute a call, named or by its `Attribute` and `Value`. */
export function modifyInstanceAttribute(domain: Domain): Ec2Mutation<'ModifyInstanceAttribute'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'InstanceId',
      'Attribute',
      'Value',
      ...(Object.keys(changes) as (keyof ModifyInstanceAttributeRequest)[]),
    ],
    apply: (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const request = spellOut(input)
      const [name, ...others] = Object.keys(changes).filter(
        (key) => key in request && request[key as keyof typeof request] !== undefined,
      )
      if (name === undefined) throw missingParameter('Attribute')
      if (others.length > 0) throw invalidParameterCombination('Fields for multiple attribute types specified')
      const change = changes[name]
      if (change?.isStoppedOnly && instance.state !== 'stopped')
        throw incorrectInstanceState(instance.id, instance.state)
      if (change) store.instances.replace(change.apply(domain, context, instance, request))
      return {}
    },
  }
}

/** `Attribute=instanceType, Value=t3.small` is the older way to say `InstanceType.Value=t3.small`. */
function spellOut(input: ModifyInstanceAttributeRequest): ModifyInstanceAttributeRequest {
  const { Attribute: attribute, Value: value, ...rest } = input
  if (attribute === undefined || value === undefined) return rest
  switch (attribute) {
    case 'instanceType':
      return { ...rest, InstanceType: { Value: value } }
    case 'userData':
      return { ...rest, UserData: { Value: Buffer.from(value, 'base64') } }
    case 'disableApiTermination':
      return { ...rest, DisableApiTermination: { Value: value === 'true' } }
    case 'disableApiStop':
      return { ...rest, DisableApiStop: { Value: value === 'true' } }
    case 'instanceInitiatedShutdownBehavior':
      return { ...rest, InstanceInitiatedShutdownBehavior: { Value: value } }
    case 'ebsOptimized':
      return { ...rest, EbsOptimized: { Value: value === 'true' } }
    case 'sourceDestCheck':
      return { ...rest, SourceDestCheck: { Value: value === 'true' } }
    default:
      throw unsupportedOperation(`The instance attribute ${attribute} cannot be changed by Kiln.`)
  }
}
