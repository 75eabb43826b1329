import type { Clock } from '../../host/clock.ts'
import { describeInstanceIdentity, describeInstanceRole } from '../access/instance-role.ts'
import type { SessionVault } from '../access/session-vault.ts'
import { ancestorsOf } from '../image/image-ancestry.ts'
import { descriptionOf } from '../instance-event/instance-event.ts'
import type { InstanceTypeCatalog } from '../instance-type/instance-type.ts'
import { isMetadataFailing } from '../fault/metadata-failure.ts'
import type { ActiveKeys } from '../instance-connect/active-keys.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { InstanceMetadata, InterfaceMetadata, MaintenanceEvent, MetadataAsker } from '../ports/metadata.ts'
import type { RegionCatalog } from '../region/region.ts'
import type { Store } from '../ports/store.ts'
import { privateNameOf, publicNameOf } from '../network-interface/dns-name.ts'
import { addressesOf, type InterfaceRecord } from '../network-interface/network-interface.ts'
import { cidrsOf, givesPublicNames, ipv6CidrsOf } from '../vpc/vpc.ts'
import { canonicalIpv6 } from '../ipv6.ts'
import { ipv6ProtocolOf } from './metadata-options.ts'
import type { InstancePlacement, InstanceRecord } from './instance.ts'
import { privateHostNameOf } from './private-dns.ts'

interface MetadataViewDependencies {
  readonly store: Store
  readonly regions: RegionCatalog
  readonly instanceTypes: Pick<InstanceTypeCatalog, 'get'>
  readonly sessions: SessionVault
  readonly activeKeys: ActiveKeys
  readonly clock: Clock
}

/** Who asks the metadata service from that address in that VPC; undefined when it is nobody's. */
export function findMetadataAsker(
  dependencies: MetadataViewDependencies,
  vpcId: string,
  sourceIp: string,
): MetadataAsker | undefined {
  const { store } = dependencies
  const ipv6 = canonicalIpv6(sourceIp)
  const asking = interfacesWith(store, sourceIp, ipv6).find((candidate) => candidate.vpcId === vpcId)
  const instance = asking?.attachment && store.instances.find(asking.attachment.instanceId)
  if (!instance || (ipv6 !== undefined && ipv6ProtocolOf(instance.metadataOptions) === 'disabled')) return undefined
  return { instanceId: instance.id, describe: () => describeMetadata(dependencies, instance) }
}

function interfacesWith(store: Store, sourceIp: string, ipv6: string | undefined): InterfaceRecord[] {
  if (ipv6 !== undefined) return store.interfaces.listBy('ipv6Addresses[]', ipv6)
  return [
    ...store.interfaces.listBy('privateIp', sourceIp),
    ...store.interfaces.listBy('secondaryIps[].privateIp', sourceIp),
  ]
}

function describeMetadata(
  { store, regions, instanceTypes, sessions, activeKeys, clock }: MetadataViewDependencies,
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
    ancestorImageIds: ancestorIdsOf(store, instance),
    instanceType: instance.instanceType,
    lifeCycle: instance.spot ? 'spot' : 'on-demand',
    ...(instance.spot?.rebalanceNoticedAt === undefined
      ? {}
      : { rebalanceNoticeTime: new Date(instance.spot.rebalanceNoticedAt) }),
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
    localHostname: privateHostNameOf(store, instance),
    privateIp: instance.privateIp,
    ...(primary?.ipv6s?.[0] === undefined ? {} : { ipv6: primary.ipv6s[0] }),
    ...(primary?.publicIp ? { publicIp: primary.publicIp } : {}),
    ...(primary?.publicHostname ? { publicHostname: primary.publicHostname } : {}),
    securityGroupNames: primary?.securityGroupNames ?? [],
    ...(instance.publicKey ? { publicKey: { name: instance.keyName ?? 'key', openSshKey: instance.publicKey } } : {}),
    activeKeys: activeKeys.describe(instance.id),
    blockDeviceMapping: blockDeviceMapping(store, instance),
    interfaces: described,
    ...withProductCodes(instance.productCodes),
    tags: Object.fromEntries(tags),
    ...(instance.userData === undefined ? {} : { userData: Buffer.from(instance.userData, 'base64') }),
    ...(role ? { role } : {}),
    identity: describeInstanceIdentity(sessions, instance, clock.now()),
    ...describeEvents(instance),
    hypervisor: instanceTypes.get(instance.instanceType).hypervisor,
    isMonitored: instance.isMonitored,
    isHibernationConfigured: instance.isHibernationConfigured ?? false,
    ...(isMetadataFailing(store, instance, clock.now()) ? { isFailing: true as const } : {}),
    options: {
      isEnabled: metadataOptions.httpEndpoint === 'enabled',
      tokens: metadataOptions.httpTokens,
      hopLimit: metadataOptions.httpPutResponseHopLimit,
      areTagsEnabled: metadataOptions.instanceMetadataTags === 'enabled',
    },
  }
}

function describeEvents({ events = [] }: InstanceRecord): Pick<InstanceMetadata, 'scheduledEvents' | 'pastEvents'> {
  const described = events.map((event): MaintenanceEvent => {
    const { id, code, state } = event
    const [notBefore, notAfter] = [new Date(event.notBefore), new Date(event.notAfter)]
    return { id, code, description: descriptionOf(event), state, notBefore, notAfter }
  })
  return {
    scheduledEvents: described.filter(({ state }) => state === 'active'),
    pastEvents: described.filter(({ state }) => state !== 'active'),
  }
}

function ancestorIdsOf(store: Store, instance: InstanceRecord): string[] {
  const image = store.images.find(instance.imageId)
  return image
    ? ancestorsOf(store, instance, image)
        .slice(1)
        .map(({ id }) => id)
    : []
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
    .sort((a, b) => a.attachTime.localeCompare(b.attachTime) || a.deviceName.localeCompare(b.deviceName))
  for (const [index, { deviceName }] of others.entries()) mapping[`ebs${index + 1}`] = deviceName
  return mapping
}

function describeInterface(store: Store, record: InterfaceRecord): InterfaceMetadata {
  const groups = record.groupIds.flatMap((id) => store.securityGroups.find(id) ?? [])
  const vpc = store.vpcs.find(record.vpcId)
  const subnet = store.subnets.find(record.subnetId)
  const addresses = addressesOf(record)
  return {
    mac: record.macAddress,
    interfaceId: record.id,
    deviceNumber: record.attachment?.deviceIndex ?? 0,
    networkCard: 0,
    ownerId: record.accountId,
    vpcId: record.vpcId,
    vpcCidrs: vpc ? cidrsOf(vpc) : [],
    subnetId: record.subnetId,
    subnetCidr: subnet?.cidr ?? '',
    ...(vpc?.ipv6Cidrs ? { vpcIpv6Cidrs: ipv6CidrsOf(vpc) } : {}),
    ...(subnet?.ipv6 ? { subnetIpv6Cidrs: [subnet.ipv6.cidr] } : {}),
    ...(record.ipv6Addresses ? { ipv6s: record.ipv6Addresses } : {}),
    privateIps: addresses.map(({ privateIp }) => privateIp),
    publicIps: addresses.flatMap(({ privateIp, publicIp }) => (publicIp ? [{ publicIp, privateIp }] : [])),
    localHostname: privateNameOf(record.privateIp, record.region),
    ...(record.publicIp
      ? {
          publicIp: record.publicIp,
          ...(vpc && givesPublicNames(vpc) ? { publicHostname: publicNameOf(record.publicIp, record.region) } : {}),
        }
      : {}),
    securityGroupIds: groups.map(({ id }) => id),
    securityGroupNames: groups.map(({ name }) => name),
  }
}
