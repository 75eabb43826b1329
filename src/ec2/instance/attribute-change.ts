import type { ModifyInstanceAttributeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { findAll } from '../ids.ts'
import { type InstanceType, unknownInstanceType } from '../instance-type/instance-type.ts'
import type { MutationContext } from '../operation.ts'
import { requireSuitable } from '../placement-group/choose-placement-group.ts'
import { refuseTooManyGroups } from '../security-group/find-group.ts'
import { defaultCreditsOf } from './credit-specification.ts'
import { requireSoleInterface } from './find-instance.ts'
import { chooseBootMode } from './boot-mode.ts'
import { requireNotHibernated } from '../hibernation/hibernation.ts'
import type { InstanceRecord } from './instance.ts'
import { readUserData } from './user-data.ts'

/** How an attribute is changed; `isStoppedOnly` ones need a stopped instance, as on EC2. */
export interface AttributeChange {
  readonly isStoppedOnly: boolean
  /** The changed record; what hangs on other records is changed in passing. */
  apply(
    domain: Domain,
    context: MutationContext,
    instance: InstanceRecord,
    input: ModifyInstanceAttributeRequest,
  ): InstanceRecord
}

const operation = 'ModifyInstanceAttribute'

/** The attributes that ModifyInstanceAttribute changes, by their parameters. */
export const attributeChanges: Readonly<Record<string, AttributeChange>> = {
  InstanceType: { isStoppedOnly: true, apply: changeType },
  UserData: {
    isStoppedOnly: true,
    apply: (_domain, _context, { userData: _former, ...rest }, { UserData: given }) => {
      const userData = readUserData(
        given?.Value === undefined ? undefined : Buffer.from(given.Value).toString('base64'),
      )
      return userData === undefined ? rest : { ...rest, userData }
    },
  },
  DisableApiTermination: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      hasTerminationProtection: requireValue('DisableApiTermination', input.DisableApiTermination),
    }),
  },
  DisableApiStop: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      hasStopProtection: requireValue('DisableApiStop', input.DisableApiStop),
    }),
  },
  InstanceInitiatedShutdownBehavior: {
    isStoppedOnly: false,
    apply: (_domain, _context, instance, input) => {
      const value = input.InstanceInitiatedShutdownBehavior?.Value
      if (value === 'stop' || value === 'terminate') return { ...instance, shutdownBehavior: value }
      const shown = (value ?? '').slice(0, 80)
      throw invalidParameterValue('instanceInitiatedShutdownBehavior', shown, 'Expected stop or terminate.')
    },
  },
  EbsOptimized: {
    isStoppedOnly: true,
    apply: (_domain, _context, instance, input) => ({
      ...instance,
      isEbsOptimized: requireValue('EbsOptimized', input.EbsOptimized),
    }),
  },
  EnaSupport: {
    isStoppedOnly: true,
    apply: (_domain, _context, instance, input) => {
      requireOneOf(operation, 'EnaSupport', input.EnaSupport?.Value, [true])
      return instance
    },
  },
  EnclaveOptions: {
    isStoppedOnly: true,
    apply: (_domain, _context, instance, input) => {
      requireOneOf(operation, 'EnclaveOptions.Enabled', input.EnclaveOptions?.Enabled, [false])
      return instance
    },
  },
  SourceDestCheck: {
    isStoppedOnly: false,
    apply: (domain, context, instance, input) => {
      setSourceDestCheck(domain, context, instance, requireValue('SourceDestCheck', input.SourceDestCheck))
      return instance
    },
  },
  Groups: { isStoppedOnly: false, apply: changeGroups },
  BlockDeviceMappings: { isStoppedOnly: false, apply: changeBlockDevices },
}

function requireValue(name: string, given: { Value?: boolean | undefined } | undefined): boolean {
  if (given?.Value === undefined) throw missingParameter(`${name}.Value`)
  return given.Value
}

function changeType(
  domain: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  input: ModifyInstanceAttributeRequest,
): InstanceRecord {
  const { store, instanceTypes } = domain
  requireNotHibernated(instance, 'get another type')
  const name = input.InstanceType?.Value ?? ''
  const type = instanceTypes.find(name)
  if (!type) throw unknownInstanceType(name)
  if (!type.architectures.includes(instance.architecture)) {
    throw new Ec2Error(
      'Unsupported',
      `The instance type ${name} does not run the architecture ${instance.architecture} of this instance.`,
    )
  }
  requireTypeFor(domain, instance, type)
  // How a burstable type pays, and which of its processors are used, is forgotten with the type.
  const { cpuCredits: _credits, cpuOptions: _processors, ...rest } = instance
  const cpuCredits = defaultCreditsOf(store, context, type)
  const currentBootMode = chooseBootMode(instance, type)
  return { ...rest, instanceType: name, currentBootMode, ...(cpuCredits ? { cpuCredits } : {}) }
}

/** What the instance has and is in must be something for its new type too. */
function requireTypeFor(domain: Domain, instance: InstanceRecord, type: InstanceType): void {
  const { store } = domain
  const { length } = store.interfaces.listBy('attachment.instanceId', instance.id)
  if (length > type.maximumInterfaces) {
    throw invalidParameterCombination(
      `The instance has ${length} network interfaces, and the instance type ${type.name} has at most ${type.maximumInterfaces}.`,
    )
  }
  const group = instance.placement && store.placementGroups.find(instance.placement.groupId)
  const { availabilityZone } = instance
  if (group) requireSuitable(domain, group, { instanceType: type.name, availabilityZone })
}

/** Whether the instance may send and get what is not its own. */
export function setSourceDestCheck(
  { store, networks }: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  hasSourceDestCheck: boolean,
): void {
  store.interfaces.replace({ ...requireSoleInterface(store, instance), hasSourceDestCheck })
  context.afterCommit(() => networks.refreshSoon(instance.vpcId))
}

function changeGroups(
  { store, networks, settings }: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  input: ModifyInstanceAttributeRequest,
): InstanceRecord {
  const groups = findAll('sg', input.Groups ?? [], (id) => store.securityGroups.get(context, id))
  if (groups.length === 0) throw missingParameter('GroupId')
  refuseTooManyGroups(settings.quotas, groups)
  const stranger = groups.find(({ vpcId }) => vpcId !== instance.vpcId)
  if (stranger) {
    throw new Ec2Error(
      'InvalidParameter',
      `Security group ${stranger.id} and instance ${instance.id} belong to different networks.`,
    )
  }
  store.interfaces.replace({ ...requireSoleInterface(store, instance), groupIds: groups.map(({ id }) => id) })
  context.afterCommit(() => networks.refreshSoon(instance.vpcId))
  return instance
}

/** What is changed of a device is whether its volume goes with the instance. */
function changeBlockDevices(
  { store }: Domain,
  _context: MutationContext,
  instance: InstanceRecord,
  input: ModifyInstanceAttributeRequest,
): InstanceRecord {
  const path = 'BlockDeviceMapping'
  for (const mapping of input.BlockDeviceMappings ?? []) {
    refuseOtherMembers(operation, path, mapping, ['DeviceName', 'Ebs'])
    refuseOtherMembers(operation, `${path}.Ebs`, mapping.Ebs, ['DeleteOnTermination', 'VolumeId'])
    const { DeviceName: deviceName, Ebs: ebs } = mapping
    if (!deviceName) throw missingParameter(`${path}.DeviceName`)
    if (ebs?.DeleteOnTermination === undefined) throw missingParameter(`${path}.Ebs.DeleteOnTermination`)
    const volume = store.volumes
      .listBy('attachment.instanceId', instance.id)
      .find(({ id, attachment }) => attachment?.deviceName === deviceName && (ebs.VolumeId ?? id) === id)
    if (!volume?.attachment) {
      throw new Ec2Error('InvalidInstanceAttributeValue', `No device is currently mapped at ${deviceName.slice(0, 80)}`)
    }
    const attachment = { ...volume.attachment, deleteOnTermination: ebs.DeleteOnTermination }
    store.volumes.replace({ ...volume, attachment })
  }
  return instance
}
