import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { FilterTable } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeReservation } from './describe-instance.ts'
import { type InstanceRecord, instanceStateCodes } from './instance.ts'
import { privateNameOf, publicNameOf } from './metadata-view.ts'

/** The documented filters of DescribeInstances that have a meaning here. */
export function instanceFilters(store: Store): FilterTable<InstanceRecord> {
  const interfacesOf = (instance: InstanceRecord) => store.interfaces.listBy('attachment.instanceId', instance.id)
  const volumesOf = (instance: InstanceRecord) => store.volumes.listBy('attachment.instanceId', instance.id)
  const groupsOf = (instance: InstanceRecord) =>
    interfacesOf(instance).flatMap(({ groupIds }) => groupIds.flatMap((id) => store.securityGroups.find(id) ?? []))
  const publicIpsOf = (instance: InstanceRecord) => interfacesOf(instance).map(({ publicIp }) => publicIp)
  return {
    affinity: () => undefined,
    architecture: ({ architecture }) => architecture,
    'availability-zone': ({ availabilityZone }) => availabilityZone,
    'block-device-mapping.attach-time': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.attachTime),
    'block-device-mapping.delete-on-termination': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.deleteOnTermination),
    'block-device-mapping.device-name': (instance) =>
      volumesOf(instance).map(({ attachment }) => attachment?.deviceName),
    'block-device-mapping.status': (instance) => volumesOf(instance).map(({ attachment }) => attachment?.state),
    'block-device-mapping.volume-id': (instance) => volumesOf(instance).map(({ id }) => id),
    'boot-mode': ({ bootMode }) => bootMode,
    'client-token': ({ clientToken }) => clientToken,
    'current-instance-boot-mode': ({ bootMode }) => bootMode,
    'dns-name': (instance) => publicIpsOf(instance).map((ip) => (ip ? publicNameOf(ip, instance.region) : undefined)),
    'ebs-optimized': ({ isEbsOptimized }) => isEbsOptimized,
    'ena-support': () => true,
    hypervisor: () => 'xen',
    'image-id': ({ imageId }) => imageId,
    'instance-id': ({ id }) => id,
    'instance-lifecycle': () => undefined,
    'instance-state-code': ({ state }) => instanceStateCodes[state],
    'instance-state-name': ({ state }) => state,
    'instance-type': ({ instanceType }) => instanceType,
    'instance.group-id': (instance) => groupsOf(instance).map(({ id }) => id),
    'instance.group-name': (instance) => groupsOf(instance).map(({ name }) => name),
    'ip-address': publicIpsOf,
    'key-name': ({ keyName }) => keyName,
    'launch-index': ({ launchIndex }) => launchIndex,
    'launch-time': ({ launchTime }) => launchTime,
    'metadata-options.http-endpoint': ({ metadataOptions }) => metadataOptions.httpEndpoint,
    'metadata-options.http-put-response-hop-limit': ({ metadataOptions }) => metadataOptions.httpPutResponseHopLimit,
    'metadata-options.http-tokens': ({ metadataOptions }) => metadataOptions.httpTokens,
    'metadata-options.instance-metadata-tags': ({ metadataOptions }) => metadataOptions.instanceMetadataTags,
    'monitoring-state': ({ isMonitored }) => (isMonitored ? 'enabled' : 'disabled'),
    'network-interface.addresses.private-ip-address': (instance) =>
      interfacesOf(instance).map(({ privateIp }) => privateIp),
    'network-interface.group-id': (instance) => groupsOf(instance).map(({ id }) => id),
    'network-interface.group-name': (instance) => groupsOf(instance).map(({ name }) => name),
    'network-interface.mac-address': (instance) => interfacesOf(instance).map(({ macAddress }) => macAddress),
    'network-interface.network-interface-id': (instance) => interfacesOf(instance).map(({ id }) => id),
    'network-interface.private-dns-name': (instance) =>
      interfacesOf(instance).map(({ privateIp, region }) => privateNameOf(privateIp, region)),
    'network-interface.subnet-id': (instance) => interfacesOf(instance).map(({ subnetId }) => subnetId),
    'network-interface.vpc-id': (instance) => interfacesOf(instance).map(({ vpcId }) => vpcId),
    'owner-id': ({ accountId }) => accountId,
    platform: () => undefined,
    'platform-details': () => 'Linux/UNIX',
    'private-dns-name': ({ privateIp, region }) => privateNameOf(privateIp, region),
    'private-ip-address': ({ privateIp }) => privateIp,
    'product-code': () => undefined,
    reason: ({ stateTransitionReason }) => stateTransitionReason,
    'reservation-id': ({ reservationId }) => reservationId,
    'root-device-name': ({ rootDeviceName }) => rootDeviceName,
    'root-device-type': () => 'ebs',
    'source-dest-check': (instance) => interfacesOf(instance).map(({ hasSourceDestCheck }) => hasSourceDestCheck),
    'state-reason-code': ({ stateReason }) => stateReason?.code,
    'subnet-id': ({ subnetId }) => subnetId,
    tenancy: () => 'default',
    'virtualization-type': () => 'hvm',
    'vpc-id': ({ vpcId }) => vpcId,
  }
}

export function describeInstances(domain: Domain): Ec2Query<'DescribeInstances'> {
  const { store } = domain
  const source: DescribeSource<InstanceRecord> = {
    collection: store.instances,
    prefix: 'i',
    idParameter: 'instancesSet',
    filters: instanceFilters(store),
    tagsOf: ({ id }) => store.tags.of(id),
  }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.InstanceIds })
      const byReservation = new Map<string, InstanceRecord[]>()
      for (const record of page.records) {
        byReservation.set(record.reservationId, [...(byReservation.get(record.reservationId) ?? []), record])
      }
      return {
        Reservations: [...byReservation].map(([id, instances]) => describeReservation(domain, id, instances)),
        ...page.token,
      }
    },
  }
}
