import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { newEncryption } from '../encryption/choose-encryption.ts'
import { insufficientInstanceCapacity } from '../errors.ts'
import { associateProfile } from '../iam-instance-profile/association.ts'
import { newId } from '../ids.ts'
import { bootSettingsOf } from '../image/boot-settings.ts'
import { findLaunchTemplate, templateTags } from '../launch-template/find-launch-template.ts'
import { requireLaunchable } from '../launch-template/template-check.ts'
import { mergeTemplate } from '../launch-template/template-merge.ts'
import { takeChosenAddresses } from '../network-interface/interface-draft.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { countFittingInGroup, placeInGroup, spreadIsFull } from '../placement-group/choose-placement-group.ts'
import type { Tag } from '../ports/store.ts'
import { newSpotRequestId, recordSpotRequest } from '../spot/record-spot-request.ts'
import type { SpotTerms } from '../spot/spot-request.ts'
import { requireFreeAddress, takeAddresses } from '../subnet/address-plan.ts'
import { putTags } from '../tag/tag.ts'
import { drawLaunchNames, type LaunchNames } from '../fast-launch/launch-names.ts'
import { countFitting, explainCapacity } from './capacity.ts'
import { describeReservation } from './describe-instance.ts'
import type { InstanceRecord } from './instance.ts'
import { launchParameters } from './launch-parameter.ts'
import { type LaunchPlan, planLaunch } from './launch-plan.ts'
import { requireServableKeys } from './metadata-tag.ts'
import { recordInterface } from './planned-interface.ts'
import { publishState } from './state-machine.ts'

/**
 * Records the instances with their volumes and interfaces, and answers; the driver makes machines of them. As many as fit are
 * launched between MinCount and MaxCount, all in one transaction.
 */
export function runInstances(domain: Domain): Ec2Mutation<'RunInstances'> {
  return {
    kind: 'mutation',
    parameters: [...launchParameters, 'MinCount', 'MaxCount', 'LaunchTemplate', 'ClientToken'],
    apply: (context, input) => {
      const template = findLaunchTemplate(domain.store, context, input.LaunchTemplate)
      if (template) requireLaunchable(template.version.data)
      const request = template ? mergeTemplate(template.version.data, input) : input
      const { reservationId, instances } = launchInstances(domain, context, request, {
        ownTags: template ? templateTags(template) : [],
      })
      return describeReservation(domain, reservationId, instances)
    },
  }
}

/** What a launch is besides what RunInstances can say of it. */
export interface LaunchSetting {
  /** EC2's own tags, of the reserved kind. */
  readonly ownTags?: readonly Tag[]
  /** Terms of the spot market that stand elsewhere than in `InstanceMarketOptions`. */
  readonly spot?: SpotTerms
}

/** Records the instances of a launch, with their volumes and interfaces: as many as fit between MinCount and MaxCount. */
export function launchInstances(
  domain: Domain,
  context: MutationContext,
  request: RunInstancesRequest,
  { ownTags = [], spot }: LaunchSetting = {},
): { reservationId: string; instances: InstanceRecord[] } {
  const plan = planLaunch(domain, context, request, spot)
  const count = Math.min(plan.maximumCount, countPlaces(domain, plan), countFitting(domain, plan.type))
  if (count < plan.minimumCount) throw capacityError(domain, plan, count)
  const addresses = takePrimaryAddresses(domain, plan, count)
  const reservationId = newId('r', domain.random)
  domain.store.images.replace({ ...plan.image, lastLaunchedTime: context.now.toISOString() })
  const instances = addresses.map((address, index) =>
    recordInstance(domain, context, plan, reservationId, address, index),
  )
  // The primary addresses of all come before what each has besides.
  for (const instance of instances) recordFurtherInterfaces(domain, context, plan, instance)
  for (const { id } of instances) putTags(domain.store, context, id, 'instance', ownTags)
  context.afterCommit(() => {
    for (const instance of instances) domain.instances.wake(instance.id)
  })
  return { reservationId, instances }
}

/** One for each instance. Throws EC2's errors for an address that is not free, and for too few that are. */
function takePrimaryAddresses(
  { store }: Domain,
  { interfaces, subnet, minimumCount }: LaunchPlan,
  count: number,
): string[] {
  const [{ existing, addresses }] = interfaces
  if (existing) return [existing.privateIp]
  if (addresses.primary === undefined) return takeAddresses(store, subnet, { minimum: minimumCount, maximum: count })
  requireFreeAddress(store, subnet, addresses.primary)
  return [addresses.primary]
}

/** How many may come into the placement group of the launch. Throws InsufficientInstanceCapacity when those are too few. */
function countPlaces({ store }: Domain, { placementGroup, subnet, minimumCount }: LaunchPlan): number {
  if (!placementGroup) return Number.POSITIVE_INFINITY
  const places = countFittingInGroup(store, placementGroup.group, subnet.availabilityZone)
  if (places < minimumCount) throw spreadIsFull(placementGroup.group, subnet.availabilityZone)
  return places
}

function capacityError(domain: Domain, { type, minimumCount }: LaunchPlan, fitting: number): Error {
  return insufficientInstanceCapacity(
    `This host has room for ${fitting} more instances of type ${type.name} (${type.vCpus} vCPUs, ${type.memoryMib} MiB each), ` +
      `${minimumCount} were asked for. ${explainCapacity(domain)}`,
  )
}

function recordInstance(
  domain: Domain,
  context: MutationContext,
  plan: LaunchPlan,
  reservationId: string,
  privateIp: string,
  launchIndex: number,
): InstanceRecord {
  const { store, random, clonePool } = domain
  const { accountId, region } = context
  const now = context.now.toISOString()
  const { subnet, image } = plan
  const pooled = clonePool.take({ imageId: image.id, instanceType: plan.type.name, vpcId: subnet.vpcId })
  const names = pooled ?? drawLaunchNames(random)
  const instance: InstanceRecord = {
    accountId,
    region,
    id: names.instanceId,
    reservationId,
    launchIndex,
    ...(plan.spot ? { spot: { requestId: newSpotRequestId(domain) } } : {}),
    launchTime: now,
    ...(plan.clientToken ? { clientToken: plan.clientToken } : {}),
    imageId: image.id,
    ...withProductCodes(plan.productCodes),
    architecture: image.architecture,
    ...bootSettingsOf(image),
    currentBootMode: plan.currentBootMode,
    instanceType: plan.type.name,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    availabilityZone: subnet.availabilityZone,
    privateIp,
    ...(plan.keyPair ? { keyName: plan.keyPair.name, publicKey: plan.keyPair.publicKey } : {}),
    ...(plan.userData === undefined ? {} : { userData: plan.userData }),
    rootDeviceName: image.rootDeviceName,
    shutdownBehavior: plan.shutdownBehavior,
    hasTerminationProtection: plan.hasTerminationProtection,
    hasStopProtection: plan.hasStopProtection,
    isEbsOptimized: plan.isEbsOptimized,
    privateDns: plan.privateDns,
    isMonitored: plan.isMonitored,
    metadataOptions: plan.metadataOptions,
    ...(plan.placementGroup ? { placement: placeInGroup(store, plan.placementGroup) } : {}),
    tenancy: plan.tenancy,
    ...(plan.instanceProfile ? { iamInstanceProfile: plan.instanceProfile } : {}),
    ...(plan.isHibernationConfigured ? { isHibernationConfigured: true } : {}),
    ...(plan.cpuOptions ? { cpuOptions: plan.cpuOptions } : {}),
    ...(plan.cpuCredits ? { cpuCredits: plan.cpuCredits } : {}),
    capacityReservationPreference: plan.capacityReservationPreference,
    autoRecovery: plan.autoRecovery,
    ...(plan.bridges.length > 0 ? { bridges: plan.bridges } : {}),
    uuid: names.uuid,
    state: 'pending',
    stateChangedAt: now,
    stateTransitionReason: '',
    boot: {
      ...{ requestedAt: now, isFirst: true, generationId: names.generationId, stages: {} },
      // Its machine is there, and must not run before its guest knows who it is.
      ...(pooled ? { cloning: pooled.templateId } : {}),
    },
  }
  store.instances.insert(instance)
  const tags = plan.tags.get('instance') ?? []
  requireServableKeys(instance.metadataOptions, tags)
  putTags(store, context, instance.id, 'instance', tags)
  if (plan.instanceProfile) associateProfile(domain, context, instance.id, plan.instanceProfile)
  recordPrimaryInterface(domain, context, plan, instance, names)
  recordVolumes(domain, context, plan, instance, names)
  if (plan.spot && instance.spot) {
    const tags = plan.tags.get('spot-instances-request') ?? []
    recordSpotRequest(domain, context, plan.spot, instance, instance.spot.requestId, tags)
  }
  publishState(domain.events, undefined, instance)
  return instance
}

function recordPrimaryInterface(
  domain: Domain,
  context: MutationContext,
  plan: LaunchPlan,
  instance: InstanceRecord,
  { interfaceId: id, macAddress }: LaunchNames,
): void {
  const [planned] = plan.interfaces
  const addresses = { primary: instance.privateIp, secondary: [], secondaryCount: 0 }
  const tags = plan.tags.get('network-interface') ?? []
  recordInterface(domain, context, instance, { ...planned, addresses }, tags, { id, macAddress })
}

function recordFurtherInterfaces(
  domain: Domain,
  context: MutationContext,
  plan: LaunchPlan,
  instance: InstanceRecord,
): void {
  const { store } = domain
  const [primary, ...others] = plan.interfaces
  const { secondary, secondaryCount } = primary.addresses
  const [record] = store.interfaces.listBy('attachment.instanceId', instance.id)
  if (record && secondary.length + secondaryCount > 0) {
    const taken = takeChosenAddresses(store, primary.subnet, secondary, secondaryCount)
    store.interfaces.replace({ ...record, secondaryIps: taken.map((privateIp) => ({ privateIp })) })
  }
  const tags = plan.tags.get('network-interface') ?? []
  for (const planned of others) recordInterface(domain, context, instance, planned, tags)
}

function recordVolumes(
  { store, random }: Domain,
  context: MutationContext,
  plan: LaunchPlan,
  instance: InstanceRecord,
  { rootVolumeId }: LaunchNames,
): void {
  const { accountId, region } = context
  for (const [port, planned] of plan.volumes.entries()) {
    const { deviceName, deleteOnTermination, productCodes, ...volume } = planned
    // What an image is sold as, its root device is.
    const isRoot = deviceName === instance.rootDeviceName
    const ofImage = isRoot ? plan.image.productCodes : []
    const id = isRoot ? rootVolumeId : newId('vol', random)
    store.volumes.insert({
      accountId,
      region,
      id,
      state: 'creating',
      availabilityZone: instance.availabilityZone,
      createTime: instance.launchTime,
      ...volume,
      ...withProductCodes(productCodes, ofImage),
      ...newEncryption({ random }, planned.kmsKeyId),
      attachment: {
        instanceId: instance.id,
        deviceName,
        state: 'attaching',
        attachTime: instance.launchTime,
        deleteOnTermination,
        port,
      },
    })
    putTags(store, context, id, 'volume', plan.tags.get('volume') ?? [])
  }
}
