import type { SpotInstanceRequest, SpotInstanceStatus } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters, type FilterTable } from '../filter.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { SpotRequestRecord } from './spot-request.ts'

export function describeSpotInstanceRequests({ store }: Domain): Ec2Query<'DescribeSpotInstanceRequests'> {
  const source: DescribeSource<SpotRequestRecord> = {
    collection: store.spotRequests,
    prefix: 'sir',
    idParameter: 'spotInstanceRequestIds',
    filters: defineFilters(spotRequestFilters(store), ({ id }) => store.tags.of(id)),
  }
  return {
    kind: 'query',
    parameters: ['SpotInstanceRequestIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.SpotInstanceRequestIds })
      return {
        SpotInstanceRequests: page.records.map((request) => describeSpotRequest(store, request)),
        ...page.token,
      }
    },
  }
}

/** A spot request in EC2's shape. */
export function describeSpotRequest(store: Store, request: SpotRequestRecord): SpotInstanceRequest {
  const instance = store.instances.find(request.instanceId)
  const zoneId = instance && store.subnets.find(instance.subnetId)?.availabilityZoneId
  return {
    SpotInstanceRequestId: request.id,
    CreateTime: new Date(request.createTime),
    InstanceId: request.instanceId,
    InstanceInterruptionBehavior: 'terminate',
    LaunchedAvailabilityZone: request.availabilityZone,
    ...(zoneId ? { LaunchedAvailabilityZoneId: zoneId } : {}),
    LaunchSpecification: request.launchSpecification,
    ProductDescription: 'Linux/UNIX',
    ...(request.maximumPrice === undefined ? {} : { SpotPrice: request.maximumPrice }),
    State: stateOf(request, instance),
    Status: statusOf(request, instance),
    Tags: describeTags(store.tags.of(request.id)),
    Type: 'one-time',
    ...(request.validUntil === undefined ? {} : { ValidUntil: new Date(request.validUntil) }),
  }
}

/** A one-time request closes when its instance ends; a cancelled one stays so. */
export function stateOf(
  request: SpotRequestRecord,
  instance: InstanceRecord | undefined,
): 'active' | 'cancelled' | 'closed' {
  if (request.cancelledAt !== undefined) return 'cancelled'
  return hasEnded(instance) ? 'closed' : 'active'
}

/** EC2's "Spot request status" codes. */
function statusOf(request: SpotRequestRecord, instance: InstanceRecord | undefined): SpotInstanceStatus {
  if (hasEnded(instance)) {
    const Code = instance?.spot?.interruption ? 'instance-terminated-no-capacity' : 'instance-terminated-by-user'
    const Message = instance?.spot?.interruption
      ? 'Your instance was terminated because there is no Spot capacity available that matches your request.'
      : 'Spot Instance terminated due to user-initiated termination.'
    return { Code, Message, UpdateTime: new Date(instance?.stateChangedAt ?? request.createTime) }
  }
  if (request.cancelledAt !== undefined) {
    return {
      Code: 'request-canceled-and-instance-running',
      Message: 'Your Spot request is canceled, but your instance is still running.',
      UpdateTime: new Date(request.cancelledAt),
    }
  }
  if (instance?.spot?.interruption) {
    return {
      Code: 'marked-for-termination',
      Message: 'Your Spot Instance is marked for termination.',
      UpdateTime: new Date(instance.spot.interruption.noticedAt),
    }
  }
  return {
    Code: 'fulfilled',
    Message: 'Your spot request is fulfilled.',
    UpdateTime: new Date(request.createTime),
  }
}

function hasEnded(instance: InstanceRecord | undefined): boolean {
  return instance === undefined || instance.state === 'shutting-down' || instance.state === 'terminated'
}

function spotRequestFilters(store: Store): FilterTable<SpotRequestRecord> {
  const instanceOf = ({ instanceId }: SpotRequestRecord) => store.instances.find(instanceId)
  const devicesOf = ({ launchSpecification }: SpotRequestRecord) => launchSpecification.BlockDeviceMappings ?? []
  const groupsOf = ({ launchSpecification }: SpotRequestRecord) => launchSpecification.SecurityGroups ?? []
  const interfacesOf = ({ launchSpecification }: SpotRequestRecord) => launchSpecification.NetworkInterfaces ?? []
  return {
    'availability-zone-group': () => undefined,
    'create-time': ({ createTime }) => createTime,
    'fault-code': () => undefined,
    'fault-message': () => undefined,
    'instance-id': ({ instanceId }) => instanceId,
    'launch-group': () => undefined,
    'launch.block-device-mapping.delete-on-termination': (request) =>
      devicesOf(request).map(({ Ebs }) => Ebs?.DeleteOnTermination),
    'launch.block-device-mapping.device-name': (request) => devicesOf(request).map(({ DeviceName }) => DeviceName),
    'launch.block-device-mapping.snapshot-id': (request) => devicesOf(request).map(({ Ebs }) => Ebs?.SnapshotId),
    'launch.block-device-mapping.volume-size': (request) => devicesOf(request).map(({ Ebs }) => Ebs?.VolumeSize),
    'launch.block-device-mapping.volume-type': (request) => devicesOf(request).map(({ Ebs }) => Ebs?.VolumeType),
    'launch.group-id': (request) => groupsOf(request).map(({ GroupId }) => GroupId),
    'launch.group-name': (request) => groupsOf(request).map(({ GroupName }) => GroupName),
    'launch.image-id': ({ launchSpecification }) => launchSpecification.ImageId,
    'launch.instance-type': ({ launchSpecification }) => launchSpecification.InstanceType,
    'launch.kernel-id': () => undefined,
    'launch.key-name': ({ launchSpecification }) => launchSpecification.KeyName,
    'launch.monitoring-enabled': ({ launchSpecification }) => launchSpecification.Monitoring?.Enabled,
    'launch.ramdisk-id': () => undefined,
    'launched-availability-zone': ({ availabilityZone }) => availabilityZone,
    'launched-availability-zone-id': (request) => {
      const instance = instanceOf(request)
      return instance && store.subnets.find(instance.subnetId)?.availabilityZoneId
    },
    'network-interface.addresses.primary': (request) => interfacesOf(request).map(() => true),
    'network-interface.delete-on-termination': (request) =>
      interfacesOf(request).map(({ DeleteOnTermination }) => DeleteOnTermination),
    'network-interface.description': (request) => interfacesOf(request).map(({ Description }) => Description),
    'network-interface.device-index': (request) => interfacesOf(request).map(({ DeviceIndex }) => DeviceIndex),
    'network-interface.group-id': (request) => interfacesOf(request).flatMap(({ Groups }) => Groups ?? []),
    'network-interface.network-interface-id': (request) =>
      interfacesOf(request).map(({ NetworkInterfaceId }) => NetworkInterfaceId),
    'network-interface.private-ip-address': (request) =>
      interfacesOf(request).map(({ PrivateIpAddress }) => PrivateIpAddress),
    'network-interface.subnet-id': (request) => interfacesOf(request).map(({ SubnetId }) => SubnetId),
    'product-description': () => 'Linux/UNIX',
    'spot-instance-request-id': ({ id }) => id,
    'spot-price': ({ maximumPrice }) => maximumPrice,
    state: (request) => stateOf(request, instanceOf(request)),
    'status-code': (request) => statusOf(request, instanceOf(request)).Code,
    'status-message': (request) => statusOf(request, instanceOf(request)).Message,
    type: () => 'one-time',
    'valid-from': () => undefined,
    'valid-until': ({ validUntil }) => validUntil,
  }
}
