import type { InstanceMetadata, InterfaceMetadata } from '../ec2/ports/metadata.ts'

/** A leaf is its bytes; a directory keeps the order in which it is listed. */
export type MetadataNode = string | Buffer | MetadataDirectory
export interface MetadataDirectory {
  readonly [name: string]: MetadataNode
}

/**
 * Everything below a version for one instance: `meta-data`, `dynamic` and, when there is any, `user-data`. Whatever EC2 would not
 * have is absent, since cloud-init gives up on the whole tree when a name that is listed does not answer.
 */
export function metadataTree(instance: InstanceMetadata): MetadataDirectory {
  return {
    dynamic: { 'instance-identity': { document: identityDocument(instance) } },
    'meta-data': metaData(instance),
    ...(instance.userData && instance.userData.length > 0 ? { 'user-data': instance.userData } : {}),
  }
}

function metaData(instance: InstanceMetadata): MetadataDirectory {
  const { publicKey, publicIp, publicHostname } = instance
  const primary = instance.interfaces.find(({ deviceNumber }) => deviceNumber === 0)
  return {
    'ami-id': instance.imageId,
    'ami-launch-index': String(instance.launchIndex),
    'ami-manifest-path': '(unknown)',
    'block-device-mapping': { ...instance.blockDeviceMapping },
    events: { maintenance: { history: '[]', scheduled: '[]' } },
    hibernation: { configured: 'false' },
    hostname: instance.localHostname,
    'instance-action': 'none',
    'instance-id': instance.instanceId,
    'instance-life-cycle': 'on-demand',
    'instance-type': instance.instanceType,
    'local-hostname': instance.localHostname,
    'local-ipv4': instance.privateIp,
    ...(primary ? { mac: primary.mac } : {}),
    network: {
      interfaces: { macs: Object.fromEntries(instance.interfaces.map((one) => [one.mac, interfaceTree(one)])) },
    },
    placement: {
      'availability-zone': instance.availabilityZone,
      'availability-zone-id': instance.availabilityZoneId,
      region: instance.region,
    },
    profile: 'default-hvm',
    ...(publicIp ? { ...(publicHostname ? { 'public-hostname': publicHostname } : {}), 'public-ipv4': publicIp } : {}),
    ...(publicKey ? { 'public-keys': { 0: { 'openssh-key': publicKey.openSshKey } } } : {}),
    'reservation-id': instance.reservationId,
    'security-groups': instance.securityGroupNames.join('\n'),
    services: { domain: domainOf(instance.region), partition: partitionOf(instance.region) },
    system: 'nitro',
    ...tagsTree(instance),
  }
}

/** The keys that EC2 lets into the metadata: what can be one segment of a path. */
const servedTagKey = /^(?!\.{1,2}$|_index$)[\p{L}\p{N}+\-=.,_:@]+$/u

/** Without a tag there is no directory, as on EC2. */
function tagsTree({ options, tags = {} }: InstanceMetadata): MetadataDirectory {
  const served = Object.entries(tags).filter(([key]) => servedTagKey.test(key))
  if (!options.areTagsEnabled || served.length === 0) return {}
  return { tags: { instance: Object.fromEntries(served) } }
}

function interfaceTree(one: InterfaceMetadata): MetadataDirectory {
  const { publicIp, publicHostname } = one
  const [primaryIp = ''] = one.privateIps
  return {
    'device-number': String(one.deviceNumber),
    'interface-id': one.interfaceId,
    ...(publicIp ? { 'ipv4-associations': { [publicIp]: primaryIp } } : {}),
    'local-hostname': one.localHostname,
    'local-ipv4s': one.privateIps.join('\n'),
    mac: one.mac,
    'owner-id': one.ownerId,
    ...(publicIp ? { ...(publicHostname ? { 'public-hostname': publicHostname } : {}), 'public-ipv4s': publicIp } : {}),
    'security-group-ids': one.securityGroupIds.join('\n'),
    'security-groups': one.securityGroupNames.join('\n'),
    'subnet-id': one.subnetId,
    'subnet-ipv4-cidr-block': one.subnetCidr,
    'vpc-id': one.vpcId,
    'vpc-ipv4-cidr-block': one.vpcCidr,
    'vpc-ipv4-cidr-blocks': one.vpcCidr,
  }
}

/** Keys in EC2's own order, absent values as null. */
function identityDocument(instance: InstanceMetadata): string {
  const document = {
    accountId: instance.accountId,
    architecture: instance.architecture,
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: instance.imageId,
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: instance.launchTime.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    privateIp: instance.privateIp,
    ramdiskId: null,
    region: instance.region,
    version: '2017-09-30',
  }
  return JSON.stringify(document, undefined, 2)
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}
