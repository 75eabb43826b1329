import type { Clock } from '../../host/clock.ts'
import { describeInstanceRole } from '../access/instance-role.ts'
import type { SessionVault } from '../access/session-vault.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { InstanceMetadata, InterfaceMetadata } from '../ports/metadata.ts'
import type { RegionCatalog } from '../region/region.ts'
import type { Store } from '../ports/store.ts'
import { privateNameOf, publicNameOf } from '../network-interface/dns-name.ts'
import { addressesOf, type InterfaceRecord } from '../network-interface/network-interface.ts'
import { cidrsOf, hasDnsHostnames } from '../vpc/vpc.ts'
import type { InstancePlacement, InstanceRecord } from './instance.ts'

interface MetadataViewDependencies {
  readonly store: Store
  readonly regions: RegionCatalog
  readonly sessions: SessionVault
  readonly clock: Clock
}

/** What the metadata service says to whoever asks from that address in that VPC; undefined when it is nobody's. */
export function findInstanceMetadata(
  dependencies: MetadataViewDependencies,
  vpcId: string,
  sourceIp: string,
): InstanceMetadata | undefined {
  const { store } = dependencies
  const asking = store.interfaces
    .listBy('vpcId', vpcId)
    .find((candidate) => addressesOf(candidate).some(({ privateIp }) => privateIp === sourceIp))
  const instance = asking?.attachment && store.instances.find(asking.attachment.instanceId)
  return instance && describeMetadata(dependencies, instance)
}

function describeMetadata(
  { store, regions, sessions, clock }: MetadataViewDependencies,
  instance: InstanceRecord,
): InstanceMetadata {
  const interfaces = store.interfaces.listBy('attachment.instanceId', instance.id)
  const described = interfaces
    .filter(({ attachment }) => attachment?.state !== 'detaching')
    .map((record) => describeInterface(store, record))
  const primary = described.find(({ deviceNumber }) => deviceNumber === 0)
  const zones = regions.get(instance.region)?.zones ?? []
  const tags = store.tags.of(instance.id).map(({ key, value }) => [key, value] as const)
  const { metadataOptions } = instance
  const role = describeInstanceRole(sessions, instance, clock.now())
  return {
    instanceId: instance.id,
    accountId: instance.accountId,
    imageId: instance.imageId,
    instanceType: instance.instanceType,
    lifeCycle: instance.spot ? 'spot' : 'on-demand',
    ...(instance.spot?.interruption
      ? {
          spotInterruption: {
            action: instance.spot.interruption.action,
            time: new Date(instance.spot.interruption.time),
          },
        }
      : {}),
    architecture: instance.architecture,
    launchIndex: instance.launchIndex,
    launchTime: new Date(instance.launchTime),
    reservationId: instance.reservationId,
    region: instance.region,
    availabilityZone: instance.availabilityZone,
    availabilityZoneId: zones.find(({ name }) => name === instance.availabilityZone)?.id ?? '',
    ...(instance.placement ? { placementGroup: describePlacement(instance.placement) } : {}),
    localHostname: privateNameOf(instance.privateIp, instance.region),
    privateIp: instance.privateIp,
    ...(primary?.publicIp ? { publicIp: primary.publicIp } : {}),
    ...(primary?.publicHostname ? { publicHostname: primary.publicHostname } : {}),
    securityGroupNames: primary?.securityGroupNames ?? [],
    ...(instance.publicKey ? { publicKey: { name: instance.keyName ?? 'key', openSshKey: instance.publicKey } } : {}),
    blockDeviceMapping: blockDeviceMapping(store, instance),
    interfaces: described,
    ...withProductCodes(instance.productCodes),
    tags: Object.fromEntries(tags),
    ...(instance.userData === undefined ? {} : { userData: Buffer.from(instance.userData, 'base64') }),
    ...(role ? { role } : {}),
    options: {
      isEnabled: metadataOptions.httpEndpoint === 'enabled',
      tokens: metadataOptions.httpTokens,
      hopLimit: metadataOptions.httpPutResponseHopLimit,
      areTagsEnabled: metadataOptions.instanceMetadataTags === 'enabled',
    },
  }
}

function describePlacement({
  groupName: name,
  partitionNumber,
}: InstancePlacement): NonNullable<InstanceMetadata['placementGroup']> {
  return { name, ...(partitionNumber === undefined ? {} : { partitionNumber }) }
}

/** `ami` and `root` are the root device, `ebs1`, … the others (EC2 documentation, "Instance metadata categories"). */
function blockDeviceMapping(store: Store, instance: InstanceRecord): Record<string, string> {
  const mapping: Record<string, string> = { ami: instance.rootDeviceName, root: instance.rootDeviceName }
  const others = store.volumes
    .listBy('attachment.instanceId', instance.id)
    .flatMap(({ attachment }) => (attachment && attachment.deviceName !== instance.rootDeviceName ? [attachment] : []))
  for (const [index, { deviceName }] of others.entries()) mapping[`ebs${index + 1}`] = deviceName
  return mapping
}

function describeInterface(store: Store, record: InterfaceRecord): InterfaceMetadata {
  const groups = record.groupIds.flatMap((id) => store.securityGroups.find(id) ?? [])
  const vpc = store.vpcs.find(record.vpcId)
  const addresses = addressesOf(record)
  return {
    mac: record.macAddress,
    interfaceId: record.id,
    deviceNumber: record.attachment?.deviceIndex ?? 0,
    ownerId: record.accountId,
    vpcId: record.vpcId,
    vpcCidrs: vpc ? cidrsOf(vpc) : [],
    subnetId: record.subnetId,
    subnetCidr: store.subnets.find(record.subnetId)?.cidr ?? '',
    privateIps: addresses.map(({ privateIp }) => privateIp),
    publicIps: addresses.flatMap(({ privateIp, publicIp }) => (publicIp ? [{ publicIp, privateIp }] : [])),
    localHostname: privateNameOf(record.privateIp, record.region),
    ...(record.publicIp
      ? {
          publicIp: record.publicIp,
          ...(vpc && hasDnsHostnames(vpc) ? { publicHostname: publicNameOf(record.publicIp, record.region) } : {}),
        }
      : {}),
    securityGroupIds: groups.map(({ id }) => id),
    securityGroupNames: groups.map(({ name }) => name),
  }
}
