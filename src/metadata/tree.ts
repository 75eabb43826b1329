import type { InstanceMetadata, InstanceRole, InterfaceMetadata } from '../ec2/ports/metadata.ts'
import { guestEndpoint } from '../ec2/ports/network.ts'

/** A directory of the metadata service, or a leaf's text. */
export type MetadataNode = string | { readonly [name: string]: MetadataNode }

/**
 * Everything under `meta-data/` ("Instance metadata categories"). What does not apply to the instance is not listed: cloud-init
 * gives its whole tree up when a listed leaf does not answer.
 */
export function metadataTree(instance: InstanceMetadata): Readonly<Record<string, MetadataNode>> {
  const publicName = {
    ...(instance.publicHostname ? { 'public-hostname': instance.publicHostname } : {}),
    ...(instance.publicIp ? { 'public-ipv4': instance.publicIp } : {}),
  }
  const primary = instance.interfaces.find(({ deviceNumber }) => deviceNumber === 0)
  return {
    'ami-id': instance.imageId,
    'ami-launch-index': String(instance.launchIndex),
    'ami-manifest-path': '(unknown)',
    'block-device-mapping': instance.blockDeviceMapping,
    hibernation: { configured: 'false' },
    hostname: instance.localHostname,
    ...(instance.role ? { iam: roleTree(instance.role) } : {}),
    'instance-action': 'none',
    'instance-id': instance.instanceId,
    'instance-life-cycle': instance.lifeCycle,
    'instance-type': instance.instanceType,
    'local-hostname': instance.localHostname,
    'local-ipv4': instance.privateIp,
    ...(primary ? { mac: primary.mac } : {}),
    network: {
      interfaces: { macs: Object.fromEntries(instance.interfaces.map((entry) => [entry.mac, interfaceTree(entry)])) },
    },
    placement: {
      'availability-zone': instance.availabilityZone,
      'availability-zone-id': instance.availabilityZoneId,
      ...placementGroupTree(instance),
      region: instance.region,
    },
    ...(instance.productCodes ? { 'product-codes': instance.productCodes.join('\n') } : {}),
    profile: 'default-hvm',
    ...publicName,
    ...(instance.publicKey
      ? { 'public-keys': { '0': { 'openssh-key': `${instance.publicKey.openSshKey} ${instance.publicKey.name}` } } }
      : {}),
    'reservation-id': instance.reservationId,
    'security-groups': instance.securityGroupNames.join('\n'),
    services: servicesOf(instance.region),
    ...spotTree(instance),
    system: 'xen-on-nitro',
    ...tagsTree(instance),
  }
}

function placementGroupTree({ placementGroup }: InstanceMetadata): Readonly<Record<string, MetadataNode>> {
  if (!placementGroup) return {}
  const { name, partitionNumber } = placementGroup
  return {
    'group-name': name,
    ...(partitionNumber === undefined ? {} : { 'partition-number': String(partitionNumber) }),
  }
}

/** There is nothing under `spot` before the notice ("Spot Instance interruption notices"). */
function spotTree({ spotInterruption: interruption }: InstanceMetadata): Readonly<Record<string, MetadataNode>> {
  if (!interruption) return {}
  const time = `${interruption.time.toISOString().slice(0, 19)}Z`
  return {
    spot: { 'instance-action': JSON.stringify({ action: interruption.action, time }), 'termination-time': time },
  }
}

/** The keys that EC2 lets into the metadata: what can be one segment of a path, so that all that is listed answers. */
const servedTagKey = /^(?!(?:\.{1,2}|_index)$)[\p{L}\p{N}+\-=.,_:@]+$/u

/** Without a tag there is no directory, as on EC2. */
function tagsTree({ options, tags = {} }: InstanceMetadata): Readonly<Record<string, MetadataNode>> {
  const served = Object.entries(tags).filter(([key]) => servedTagKey.test(key))
  if (!options.areTagsEnabled || served.length === 0) return {}
  return { tags: { instance: Object.fromEntries(served) } }
}

/** `endpoint` is Kiln's own: where this instance reaches the EC2 API. */
function servicesOf(region: string): MetadataNode {
  const endpoint = `http://${guestEndpoint.address}:${guestEndpoint.port}`
  if (region.startsWith('cn-')) return { domain: 'amazonaws.com.cn', endpoint, partition: 'aws-cn' }
  return { domain: 'amazonaws.com', endpoint, partition: region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws' }
}

/** The documents that SDKs read; times have seconds, as EC2's. */
function roleTree({ name, profileArn, profileId, updatedAt, credentials }: InstanceRole): MetadataNode {
  const heading = { Code: 'Success', LastUpdated: timeOf(updatedAt) }
  const info = { ...heading, InstanceProfileArn: profileArn, InstanceProfileId: profileId }
  const document = {
    ...heading,
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: timeOf(credentials.expiresAt),
  }
  return {
    info: JSON.stringify(info, undefined, 2),
    'security-credentials': { [name]: JSON.stringify(document, undefined, 2) },
  }
}

function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

function interfaceTree(entry: InterfaceMetadata): MetadataNode {
  return {
    'device-number': String(entry.deviceNumber),
    'interface-id': entry.interfaceId,
    ...(entry.publicIps.length > 0
      ? {
          'ipv4-associations': Object.fromEntries(
            entry.publicIps.map(({ publicIp, privateIp }) => [publicIp, privateIp]),
          ),
          'public-ipv4s': entry.publicIps.map(({ publicIp }) => publicIp).join('\n'),
        }
      : {}),
    ...(entry.publicHostname === undefined ? {} : { 'public-hostname': entry.publicHostname }),
    'local-hostname': entry.localHostname,
    'local-ipv4s': entry.privateIps.join('\n'),
    mac: entry.mac,
    'owner-id': entry.ownerId,
    'security-group-ids': entry.securityGroupIds.join('\n'),
    'security-groups': entry.securityGroupNames.join('\n'),
    'subnet-id': entry.subnetId,
    'subnet-ipv4-cidr-block': entry.subnetCidr,
    'vpc-id': entry.vpcId,
    'vpc-ipv4-cidr-block': entry.vpcCidrs[0] ?? '',
    'vpc-ipv4-cidr-blocks': entry.vpcCidrs.join('\n'),
  }
}

/** dynamic/instance-identity/document. */
export function identityDocument(instance: InstanceMetadata): string {
  const document = {
    accountId: instance.accountId,
    architecture: instance.architecture,
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: instance.productCodes ?? null,
    imageId: instance.imageId,
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: timeOf(instance.launchTime),
    privateIp: instance.privateIp,
    ramdiskId: null,
    region: instance.region,
    version: '2017-09-30',
  }
  return JSON.stringify(document, undefined, 2)
}

/** What a GET of a path below a version answers; undefined is 404. */
export function readPath(instance: InstanceMetadata, segments: readonly string[]): string | Buffer | undefined {
  const [category, ...rest] = segments
  switch (category) {
    case undefined:
      return ['dynamic', 'meta-data', ...(instance.userData ? ['user-data'] : [])].join('\n')
    case 'meta-data':
      return readNode(metadataTree(instance), rest, instance)
    case 'dynamic':
      return readNode({ 'instance-identity': { document: identityDocument(instance) } }, rest, instance)
    case 'user-data':
      return rest.length === 0 ? instance.userData : undefined
    default:
      return undefined
  }
}

function readNode(root: MetadataNode, segments: readonly string[], instance: InstanceMetadata): string | undefined {
  let node: MetadataNode = root
  for (const segment of segments) {
    if (typeof node === 'string' || !Object.hasOwn(node, segment)) return undefined
    node = node[segment] ?? ''
  }
  if (typeof node === 'string') return node
  // EC2 lists keys with their names, and they are fetched by number.
  if (segments.join('/') === 'public-keys') return `0=${instance.publicKey?.name ?? ''}`
  return Object.entries(node)
    .map(([name, child]) => (typeof child === 'string' ? name : `${name}/`))
    .join('\n')
}
