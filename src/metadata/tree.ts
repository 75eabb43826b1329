import type { InstanceMetadata } from '../ec2/ports/metadata.ts'
import { guestEndpoint } from '../ec2/ports/service-address.ts'
import { identityTree, roleTree } from './credential-tree.ts'
import type { DocumentSigner } from './document-signer.ts'
import { eventTree, spotTree } from './event-tree.ts'
import { identityDocument } from './identity-document.ts'
import { interfaceTree } from './interface-tree.ts'
import { isLeaf, leaf, listing, type MetadataDirectory, type MetadataNode } from './node.ts'
import { asOfVersion } from './version.ts'

/**
 * Everything under `meta-data/` ("Instance metadata categories"). What does not apply to the instance is not listed: cloud-init
 * gives its whole tree up when a listed leaf does not answer.
 */
export function metadataTree(instance: InstanceMetadata): MetadataDirectory {
  const primary = instance.interfaces.find(({ deviceNumber }) => deviceNumber === 0)
  return {
    'ami-id': instance.imageId,
    'ami-launch-index': String(instance.launchIndex),
    'ami-manifest-path': '(unknown)',
    ...listing('ancestor-ami-ids', instance.ancestorImageIds),
    'block-device-mapping': instance.blockDeviceMapping,
    events: eventTree(instance),
    hibernation: { configured: String(instance.isHibernationConfigured) },
    hostname: instance.localHostname,
    ...(instance.role ? { iam: roleTree(instance.role) } : {}),
    ...(instance.identity ? { 'identity-credentials': identityTree(instance.accountId, instance.identity) } : {}),
    'instance-action': 'none',
    'instance-id': instance.instanceId,
    'instance-life-cycle': instance.lifeCycle,
    'instance-type': instance.instanceType,
    ...leaf('ipv6', instance.ipv6),
    'local-hostname': instance.localHostname,
    'local-ipv4': instance.privateIp,
    ...leaf('mac', primary?.mac),
    ...managedKeysTree(instance),
    network: {
      interfaces: { macs: Object.fromEntries(instance.interfaces.map((entry) => [entry.mac, interfaceTree(entry)])) },
    },
    placement: {
      'availability-zone': instance.availabilityZone,
      'availability-zone-id': instance.availabilityZoneId,
      ...leaf('group-name', instance.placementGroup?.name),
      ...leaf('partition-number', instance.placementGroup?.partitionNumber),
      region: instance.region,
    },
    ...listing('product-codes', instance.productCodes),
    profile: 'default-hvm',
    ...leaf('public-hostname', instance.publicHostname),
    ...leaf('public-ipv4', instance.publicIp),
    ...(instance.publicKey
      ? { 'public-keys': { '0': { 'openssh-key': `${instance.publicKey.openSshKey} ${instance.publicKey.name}` } } }
      : {}),
    'reservation-id': instance.reservationId,
    'security-groups': instance.securityGroupNames.join('\n'),
    services: servicesOf(instance.region),
    ...spotTree(instance),
    system: instance.hypervisor,
    ...tagsTree(instance),
  }
}

/** Without a key there is no directory, as on EC2. */
function managedKeysTree({ activeKeys = {} }: InstanceMetadata): Readonly<Record<string, MetadataNode>> {
  return Object.keys(activeKeys).length === 0 ? {} : { 'managed-ssh-keys': { 'active-keys': activeKeys } }
}

/** What can be one segment of a path, so that all that is listed answers; other keys are refused, but were not always. */
const servedTagKey = /^(?!(?:\.{1,2}|_index)$)[\p{L}\p{N}+\-=.,_:@]+$/u

/** Without a tag there is no directory, as on EC2. */
function tagsTree({ options, tags = {} }: InstanceMetadata): MetadataDirectory {
  const served = Object.entries(tags).filter(([key]) => servedTagKey.test(key))
  if (!options.areTagsEnabled || served.length === 0) return {}
  return { tags: { instance: Object.fromEntries(served) } }
}

/** `endpoint` is Kiln's own: where this instance reaches the EC2 API. */
function servicesOf(region: string): MetadataDirectory {
  const endpoint = `http://${guestEndpoint.address}:${guestEndpoint.port}`
  if (region.startsWith('cn-')) return { domain: 'amazonaws.com.cn', endpoint, partition: 'aws-cn' }
  return { domain: 'amazonaws.com', endpoint, partition: region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws' }
}

/** Everything under `dynamic/`. */
function dynamicTree(instance: InstanceMetadata, { sign }: TreeDependencies): MetadataDirectory {
  const document = identityDocument(instance)
  return {
    fws: { 'instance-monitoring': instance.isMonitored ? 'enabled' : 'disabled' },
    'instance-identity': {
      document,
      pkcs7: async () => (await sign(document)).pkcs7,
      // The same: EC2's `pkcs7` is signed with an old DSA key instead.
      rsa2048: async () => (await sign(document)).pkcs7,
      signature: async () => (await sign(document)).signature,
    },
  }
}

/** What the tree needs besides the instance. */
export interface TreeDependencies {
  readonly sign: DocumentSigner['sign']
}

/** What a GET of a path below a version answers; undefined is 404. */
export function readPath(
  dependencies: TreeDependencies,
  instance: InstanceMetadata,
  segments: readonly string[],
  version: string,
): string | Buffer | Promise<string> | undefined {
  if (segments[0] === 'user-data') return segments.length === 1 ? instance.userData : undefined
  const tree = { dynamic: dynamicTree(instance, dependencies), 'meta-data': metadataTree(instance) }
  const root = asOfVersion(tree, version)
  if (segments.length > 0) return readNode(root, segments, instance)
  return [...Object.keys(root), ...(instance.userData ? ['user-data'] : [])].join('\n')
}

function readNode(
  root: MetadataDirectory,
  segments: readonly string[],
  instance: InstanceMetadata,
): string | Promise<string> | undefined {
  let node: MetadataNode = root
  for (const segment of segments) {
    if (isLeaf(node) || !Object.hasOwn(node, segment)) return undefined
    node = node[segment] ?? ''
  }
  if (typeof node === 'function') return node()
  if (typeof node === 'string') return node
  // EC2 lists keys with their names, and they are fetched by number.
  if (segments.join('/') === 'meta-data/public-keys') return `0=${instance.publicKey?.name ?? ''}`
  return Object.entries(node)
    .map(([name, child]) => (isLeaf(child) ? name : `${name}/`))
    .join('\n')
}
