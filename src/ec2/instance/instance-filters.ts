import type { Domain } from '../domain.ts'
import type { FilterTable } from '../filter.ts'
import { productCodeTypesOf } from '../marketplace/product-code.ts'
import { describeAddressesOf } from '../network-interface/describe-address.ts'
import { privateNameOf } from '../network-interface/dns-name.ts'
import { privateDnsOptionsOf, privateHostNameOf } from './private-dns.ts'
import { addressesOf } from '../network-interface/network-interface.ts'
import type { Candidates } from '../ports/store.ts'
import { currentBootModeOf } from './boot-mode.ts'
import { type InstanceRecord, instanceStateCodes } from './instance.ts'
import { interfaceFilters } from './interface-filters.ts'
import { ipv6ProtocolOf, metadataStateOf } from './metadata-options.ts'

/** The documented filters of DescribeInstances that have a meaning here. */
export function instanceFilters({ store, instances }: Domain): FilterTable<InstanceRecord> {
  const interfacesOf = (instance: InstanceRecord) => store.interfaces.listBy('attachment.instanceId', instance.id)
  const volumesOf = (instance: InstanceRecord) => store.volumes.listBy('attachment.instanceId', instance.id)
  const groupsOf = (instance: InstanceRecord) =>
    interfacesOf(instance).flatMap(({ groupIds }) => groupIds.flatMap((id) => store.securityGroups.find(id) ?? []))
  const addressesOfAll = (instance: InstanceRecord) => interfacesOf(instance).flatMap((record) => addressesOf(record))
  const publicIpsOf = (instance: InstanceRecord) => addressesOfAll(instance).map(({ publicIp }) => publicIp)
  type InterfaceIndex =
    | 'publicIp'
    | 'privateIp'
    | 'macAddress'
    | 'attachment.id'
    | 'groupIds[]'
    | 'secondaryIps[].privateIp'
    | 'secondaryIps[].publicIp'
    | 'ipv6Addresses[]'
  const byInterface =
    (...indexes: readonly InterfaceIndex[]) =>
    (values: readonly string[]) =>
      idsOf(indexes.flatMap((index) => [...store.interfaces.listByEach(index, values).values()].flat()))
  const ipv6Address = {
    read: (instance: InstanceRecord) => interfacesOf(instance).flatMap(({ ipv6Addresses = [] }) => ipv6Addresses),
    index: byInterface('ipv6Addresses[]'),
  }
  const byPublicIp = byInterface('publicIp', 'secondaryIps[].publicIp')
  return {
    ...interfaceFilters(store),
    affinity: () => undefined,
    'availability-zone-id': ({ subnetId }) => store.subnets.find(subnetId)?.availabilityZoneId,
    architecture: ({ architecture }) => architecture,
    'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
    'block-device-mapping.attach-time': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.attachTime),
    'block-device-mapping.delete-on-termination': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.deleteOnTermination),
    'block-device-mapping.device-name': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.deviceName),
    'block-device-mapping.status': (instance) => volumesOf(instance).map(({ attachment }) => attachment?.state),
    'block-device-mapping.volume-id': {
      read: (instance) => volumesOf(instance).map(({ id }) => id),
      index: (values) => idsOf(values.map((id) => store.volumes.find(id))),
    },
    'boot-mode': ({ bootMode }) => bootMode,
    'client-token': { read: ({ clientToken }) => clientToken, index: 'clientToken' },
    'current-instance-boot-mode': (instance) => currentBootModeOf(instance),
    'dns-name': (instance) =>
      interfacesOf(instance).flatMap((record) =>
        describeAddressesOf(store, record).map(({ Association: association }) => association?.PublicDnsName),
      ),
    'capacity-reservation-id': () => undefined,
    'capacity-reservation-specification.capacity-reservation-preference': ({ capacityReservationPreference }) =>
      capacityReservationPreference ?? 'open',
    'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id': () => undefined,
    'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn': () =>
      undefined,
    'ebs-optimized': ({ isEbsOptimized }) => isEbsOptimized,
    'ena-support': () => true,
    'enclave-options.enabled': () => false,
    'hibernation-options.configured': ({ isHibernationConfigured }) => isHibernationConfigured ?? false,
    'host-id': () => undefined,
    hypervisor: () => 'xen',
    'iam-instance-profile.arn': {
      read: ({ iamInstanceProfile }) => iamInstanceProfile?.arn,
      index: 'iamInstanceProfile.arn',
    },
    'iam-instance-profile.id': ({ iamInstanceProfile }) => iamInstanceProfile?.id,
    'iam-instance-profile.name': ({ iamInstanceProfile }) => iamInstanceProfile?.name,
    'image-id': { read: ({ imageId }) => imageId, index: 'imageId' },
    'instance-id': { read: ({ id }) => id, index: 'id' },
    'instance-lifecycle': ({ spot }) => (spot ? 'spot' : undefined),
    'instance-state-code': {
      read: ({ state }) => instanceStateCodes[state],
      index: (values) => ({ kind: 'member', index: 'state', values: statesOf(values) }),
    },
    'instance-state-name': { read: ({ state }) => state, index: 'state' },
    'instance-type': { read: ({ instanceType }) => instanceType, index: 'instanceType' },
    'instance.group-id': {
      read: (instance) => groupsOf(instance).map(({ id }) => id),
      index: byInterface('groupIds[]'),
    },
    'instance.group-name': (instance) => groupsOf(instance).map(({ name }) => name),
    'ip-address': { read: publicIpsOf, index: byPublicIp },
    'ipv6-address': ipv6Address,
    'kernel-id': () => undefined,
    'key-name': { read: ({ keyName }) => keyName, index: 'keyName' },
    'launch-index': ({ launchIndex }) => launchIndex,
    'launch-time': ({ launchTime }) => launchTime,
    'metadata-options.http-endpoint': ({ metadataOptions }) => metadataOptions.httpEndpoint,
    'maintenance-options.auto-recovery': ({ autoRecovery }) => autoRecovery,
    'metadata-options.http-protocol-ipv4': ({ metadataOptions }) => metadataOptions.httpEndpoint,
    'metadata-options.http-protocol-ipv6': ({ metadataOptions }) => ipv6ProtocolOf(metadataOptions),
    'metadata-options.http-put-response-hop-limit': ({ metadataOptions }) => metadataOptions.httpPutResponseHopLimit,
    'metadata-options.http-tokens': ({ metadataOptions }) => metadataOptions.httpTokens,
    'metadata-options.state': ({ id }) => metadataStateOf(instances.runtimeOf(id)),
    'metadata-options.instance-metadata-tags': ({ metadataOptions }) => metadataOptions.instanceMetadataTags,
    'monitoring-state': ({ isMonitored }) => (isMonitored ? 'enabled' : 'disabled'),
    'network-interface.addresses.association.public-ip': { read: publicIpsOf, index: byPublicIp },
    'network-interface.addresses.primary': (instance) => addressesOfAll(instance).map(({ isPrimary }) => isPrimary),
    'network-interface.addresses.private-ip-address': {
      read: (instance) => addressesOfAll(instance).map(({ privateIp }) => privateIp),
      index: byInterface('privateIp', 'secondaryIps[].privateIp'),
    },
    'network-interface.association.public-ip': { read: publicIpsOf, index: byPublicIp },
    'network-interface.attachment.attachment-id': {
      read: (instance) => interfacesOf(instance).map(({ attachment }) => attachment?.id),
      index: byInterface('attachment.id'),
    },
    'network-interface.attachment.attach-time': (instance) =>
      interfacesOf(instance).map(({ attachment }) => attachment?.attachTime),
    'network-interface.attachment.delete-on-termination': (instance) =>
      interfacesOf(instance).map(({ attachment }) => attachment?.deleteOnTermination),
    'network-interface.attachment.device-index': (instance) =>
      interfacesOf(instance).map(({ attachment }) => attachment?.deviceIndex),
    'network-interface.attachment.instance-id': {
      read: (instance) => interfacesOf(instance).map(() => instance.id),
      index: (values) => ({ kind: 'ids', ids: values }),
    },
    'network-interface.attachment.instance-owner-id': (instance) =>
      interfacesOf(instance).map(({ accountId }) => accountId),
    'network-interface.attachment.status': (instance) =>
      interfacesOf(instance).map(({ attachment }) => attachment?.state ?? 'attached'),
    'network-interface.availability-zone': (instance) =>
      interfacesOf(instance).map(({ availabilityZone }) => availabilityZone),
    'network-interface.description': (instance) => interfacesOf(instance).map(({ description }) => description),
    'network-interface.group-id': {
      read: (instance) => groupsOf(instance).map(({ id }) => id),
      index: byInterface('groupIds[]'),
    },
    'network-interface.group-name': (instance) => groupsOf(instance).map(({ name }) => name),
    'network-interface.ipv6-address': ipv6Address,
    'network-interface.ipv6-addresses.ipv6-address': ipv6Address,
    'network-interface.mac-address': {
      read: (instance) => interfacesOf(instance).map(({ macAddress }) => macAddress),
      index: byInterface('macAddress'),
    },
    'network-interface.network-interface-id': {
      read: (instance) => interfacesOf(instance).map(({ id }) => id),
      index: (values) => idsOf(values.map((id) => store.interfaces.find(id))),
    },
    'network-interface.owner-id': (instance) => interfacesOf(instance).map(({ accountId }) => accountId),
    'network-interface.private-dns-name': (instance) =>
      interfacesOf(instance).map(({ privateIp, region }) => privateNameOf(privateIp, region)),
    'network-interface.private-ip-address': {
      read: (instance) => interfacesOf(instance).map(({ privateIp }) => privateIp),
      index: byInterface('privateIp'),
    },
    'network-interface.requester-id': () => undefined,
    'network-interface.requester-managed': () => false,
    'network-interface.source-dest-check': (instance) =>
      interfacesOf(instance).map(({ hasSourceDestCheck }) => hasSourceDestCheck),
    'network-interface.status': (instance) => interfacesOf(instance).map(() => 'in-use'),
    'network-interface.subnet-id': (instance) => interfacesOf(instance).map(({ subnetId }) => subnetId),
    'network-interface.vpc-id': (instance) => interfacesOf(instance).map(({ vpcId }) => vpcId),
    'network-performance-options.bandwidth-weighting': () => 'default',
    'operator.managed': () => false,
    'operator.principal': () => undefined,
    'outpost-arn': () => undefined,
    'owner-id': ({ accountId }) => accountId,
    'placement-group-name': { read: ({ placement }) => placement?.groupName, index: 'placement.groupName' },
    'placement-partition-number': ({ placement }) => placement?.partitionNumber,
    platform: () => undefined,
    'platform-details': () => 'Linux/UNIX',
    'private-dns-name': (instance) => privateHostNameOf(store, instance),
    'private-ip-address': { read: ({ privateIp }) => privateIp, index: 'privateIp' },
    'private-dns-name-options.enable-resource-name-dns-a-record': (instance) =>
      privateDnsOptionsOf(store, instance).hasResourceNameA,
    'private-dns-name-options.enable-resource-name-dns-aaaa-record': (instance) =>
      privateDnsOptionsOf(store, instance).hasResourceNameAaaa,
    'private-dns-name-options.hostname-type': (instance) => privateDnsOptionsOf(store, instance).hostnameType,
    'product-code': ({ productCodes }) => productCodes ?? [],
    'product-code.type': ({ productCodes }) => productCodeTypesOf(productCodes),
    'ramdisk-id': () => undefined,
    reason: ({ stateTransitionReason }) => stateTransitionReason,
    'requester-id': () => undefined,
    'reservation-id': { read: ({ reservationId }) => reservationId, index: 'reservationId' },
    'root-device-name': ({ rootDeviceName }) => rootDeviceName,
    'root-device-type': () => 'ebs',
    'source-dest-check': (instance) => interfacesOf(instance).map(({ hasSourceDestCheck }) => hasSourceDestCheck),
    'spot-instance-request-id': ({ spot }) => spot?.requestId,
    'state-reason-message': ({ stateReason }) => stateReason?.message,
    'state-reason-code': ({ stateReason }) => stateReason?.code,
    'subnet-id': { read: ({ subnetId }) => subnetId, index: 'subnetId' },
    tenancy: ({ tenancy }) => tenancy ?? 'default',
    'tpm-support': ({ tpmSupport }) => tpmSupport,
    'usage-operation': () => 'RunInstances',
    'usage-operation-update-time': ({ launchTime }) => launchTime,
    'virtualization-type': () => 'hvm',
    'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
  }
}

/** The instances that volumes or interfaces are attached to. */
function idsOf(attached: readonly ({ attachment?: { instanceId: string } } | undefined)[]): Candidates {
  return { kind: 'ids', ids: attached.flatMap((record) => record?.attachment?.instanceId ?? []) }
}

function statesOf(codes: readonly string[]): string[] {
  return Object.entries(instanceStateCodes).flatMap(([state, code]) => (codes.includes(String(code)) ? [state] : []))
}
