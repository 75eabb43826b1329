import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import { chooseInterfaceGroups } from '../network-interface/choose-groups.ts'
import { attachmentOf } from '../network-interface/attachment.ts'
import { type AddressChoice, draftInterface } from '../network-interface/interface-draft.ts'
import { countIpv6, type Ipv6Choice, requireIpv6Room, withPrimaryIpv6 } from '../network-interface/ipv6-choice.ts'
import { type InterfaceRecord, statusOf } from '../network-interface/network-interface.ts'
import type { MutationContext } from '../operation.ts'
import { networkPortCount } from '../ports/machine-spec.ts'
import type { Scope, Tag } from '../ports/store.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { putTags } from '../tag/tag.ts'
import type { InstanceRecord } from './instance.ts'
import type { LaunchInterface } from './launch-interface.ts'

/** An interface of a launch with every question answered; its addresses are taken when the instance is recorded. */
export interface PlannedInterface {
  readonly deviceIndex: number
  /** Is there already; absent: it is made, with what follows. */
  readonly existing?: InterfaceRecord
  readonly subnet: SubnetRecord
  readonly groupIds: readonly string[]
  readonly addresses: AddressChoice
  readonly ipv6: Ipv6Choice
  readonly wantsPublicIp: boolean
  readonly description: string
  readonly deleteOnTermination: boolean
}

/** The interface that a client names. Throws InvalidNetworkInterface.InUse for one that an instance has. */
export function findExistingInterface({ store }: Domain, scope: Scope, id: string): InterfaceRecord {
  const record = findOne('eni', id, (wanted) => store.interfaces.get(scope, wanted))
  if (statusOf(record) === 'in-use') throw new Ec2Error('InvalidNetworkInterface.InUse', `Interface: [${id}] in use.`)
  return record
}

/** Answers the questions of an interface besides the primary one, whose subnet the others share the VPC and the zone with. */
export function planFurtherInterface(
  domain: Domain,
  scope: Scope,
  primary: SubnetRecord,
  wanted: LaunchInterface,
): PlannedInterface {
  const { store } = domain
  const existing =
    wanted.interfaceId === undefined ? undefined : findExistingInterface(domain, scope, wanted.interfaceId)
  const subnetId = existing?.subnetId ?? wanted.subnetId ?? primary.id
  const subnet = findOne('subnet', subnetId, (id) => store.subnets.get(scope, id))
  if (subnet.availabilityZone !== primary.availabilityZone) {
    throw invalidParameterCombination('All network interfaces of an instance must be in the same availability zone')
  }
  if (subnet.vpcId !== primary.vpcId) {
    throw unsupportedOperation('Network interfaces of one instance in several VPCs are not supported by Kiln.')
  }
  return {
    deviceIndex: wanted.deviceIndex,
    ...(existing ? { existing } : {}),
    subnet,
    groupIds: existing?.groupIds ?? chooseInterfaceGroups(domain, scope, subnet.vpcId, wanted.groupIds),
    addresses: wanted.addresses,
    ipv6: wanted.ipv6,
    wantsPublicIp: false,
    description: wanted.description,
    deleteOnTermination: wanted.deleteOnTermination,
  }
}

/** Holds a launch to what a type can have, and to one instance where something can be given to one only. */
export function requirePlannable(
  type: InstanceType,
  interfaces: readonly PlannedInterface[],
  maximumCount: number,
): void {
  const limit = Math.min(type.maximumInterfaces, networkPortCount)
  if (interfaces.length > limit) {
    throw new Ec2Error(
      'AttachmentLimitExceeded',
      `Interface count ${interfaces.length} exceeds the limit for ${type.name}, ${limit}.`,
    )
  }
  for (const { addresses, existing, ipv6, subnet } of interfaces) {
    const secondary = existing?.secondaryIps?.length ?? addresses.secondary.length + addresses.secondaryCount
    if (secondary >= type.addressesPerInterface) {
      throw new Ec2Error(
        'PrivateIpAddressLimitExceeded',
        `Number of private addresses will exceed limit of ${type.addressesPerInterface} for ${type.name}.`,
      )
    }
    requireIpv6Room(type, existing ? (existing.ipv6Addresses?.length ?? 0) : countIpv6(subnet, ipv6))
    if (maximumCount === 1) continue
    if (existing)
      throw invalidParameterValue('maxCount', maximumCount, 'A network interface can be given to one instance.')
    if (addresses.primary !== undefined || addresses.secondary.length > 0) {
      throw invalidParameterCombination('A private address can be given to one instance only')
    }
    if (ipv6.addresses.length > 0) {
      throw invalidParameterCombination('An IPv6 address can be given to one instance only')
    }
  }
}

/** Records an interface as the instance's. Its private address may be known already, as the primary interface's is. */
export function recordInterface(
  domain: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  planned: PlannedInterface,
  tags: readonly Tag[],
  names: { readonly id?: string; readonly macAddress?: string } = {},
): void {
  const { store } = domain
  const attachment = attachmentOf(domain, {
    instanceId: instance.id,
    deviceIndex: planned.deviceIndex,
    attachTime: instance.launchTime,
    deleteOnTermination: planned.deleteOnTermination,
  })
  if (planned.existing) {
    const existing = planned.ipv6.isPrimary ? withPrimaryIpv6(planned.existing) : planned.existing
    store.interfaces.replace({ ...existing, attachment })
    return
  }
  const record = draftInterface(domain, planned.subnet, { ...planned, ...names })
  store.interfaces.insert({ ...record, attachment })
  putTags(store, context, record.id, 'network-interface', tags)
}
