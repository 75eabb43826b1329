import type { Instance, InstanceNetworkInterface, NetworkInterfaceAssociation, Reservation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import { describeIpv6Of, type InterfaceRecord } from '../network-interface/network-interface.ts'
import { describeAddressesOf, hasPublicNames } from '../network-interface/describe-address.ts'
import { privateNameOf, publicNameOf } from '../network-interface/dns-name.ts'
import { describePrivateDnsOptions, privateDnsOptionsOf, privateHostNameOf } from './private-dns.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { processorsOf } from './cpu-options.ts'
import { currentBootModeOf } from './boot-mode.ts'
import { type InstanceRecord, instanceStateCodes } from './instance.ts'
import { describeMetadataOptions, metadataStateOf } from './metadata-options.ts'

/** A reservation with the given ones of its instances, in EC2's shape. */
export function describeReservation(
  domain: Pick<Domain, 'store' | 'instances' | 'instanceTypes'>,
  reservationId: string,
  instances: readonly InstanceRecord[],
): Reservation {
  return {
    ReservationId: reservationId,
    OwnerId: instances[0]?.accountId,
    Groups: [],
    Instances: instances.map((instance) => describeInstance(domain, instance)),
  }
}

/** A state in EC2's shape. */
export function describeState(state: InstanceRecord['state']): { Code: number; Name: InstanceRecord['state'] } {
  return { Code: instanceStateCodes[state], Name: state }
}

/** An instance as DescribeInstances tells of it. */
export function describeInstance(
  { store, instances, instanceTypes }: Pick<Domain, 'store' | 'instances' | 'instanceTypes'>,
  instance: InstanceRecord,
): Instance {
  const interfaces = store.interfaces.listBy('attachment.instanceId', instance.id)
  const volumes = store.volumes.listBy('attachment.instanceId', instance.id).filter(({ state }) => state === 'in-use')
  const primary = interfaces.find(({ attachment }) => attachment?.deviceIndex === 0)
  const publicIp = primary?.publicIp
  const isGone = instance.state === 'terminated'
  const type = instanceTypes.get(instance.instanceType)
  const processors = processorsOf(instance, type)
  const zoneId = store.subnets.find(instance.subnetId)?.availabilityZoneId
  return {
    InstanceId: instance.id,
    ImageId: instance.imageId,
    State: describeState(instance.state),
    PrivateDnsName: isGone ? '' : privateHostNameOf(store, instance),
    PublicDnsName: publicIp && hasPublicNames(store, primary) ? publicNameOf(publicIp, instance.region) : '',
    StateTransitionReason: instance.stateTransitionReason,
    ...describeStateReason(instance),
    KeyName: instance.keyName,
    AmiLaunchIndex: instance.launchIndex,
    ProductCodes: describeProductCodes(instance.productCodes),
    InstanceType: instance.instanceType as NonNullable<Instance['InstanceType']>,
    LaunchTime: new Date(instance.launchTime),
    Placement: {
      AvailabilityZone: instance.availabilityZone,
      ...(zoneId ? { AvailabilityZoneId: zoneId } : {}),
      GroupName: instance.placement?.groupName ?? '',
      ...(instance.placement ? { GroupId: instance.placement.groupId } : {}),
      ...(instance.placement?.partitionNumber === undefined
        ? {}
        : { PartitionNumber: instance.placement.partitionNumber }),
      Tenancy: instance.tenancy ?? 'default',
    },
    Monitoring: { State: instance.isMonitored ? 'enabled' : 'disabled' },
    ...(isGone ? {} : { SubnetId: instance.subnetId, VpcId: instance.vpcId, PrivateIpAddress: instance.privateIp }),
    ...ipv6Of(primary),
    PublicIpAddress: publicIp,
    Architecture: instance.architecture,
    RootDeviceType: 'ebs',
    RootDeviceName: instance.rootDeviceName,
    BlockDeviceMappings: volumes.map(({ id, attachment }) => ({
      DeviceName: attachment?.deviceName,
      Ebs: {
        VolumeId: id,
        Status: attachment?.state,
        AttachTime: new Date(attachment?.attachTime ?? instance.launchTime),
        DeleteOnTermination: attachment?.deleteOnTermination,
      },
    })),
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    ClientToken: instance.clientToken ?? '',
    Tags: describeTags(store.tags.of(instance.id)),
    SecurityGroups: describeGroups(store, primary?.groupIds ?? []),
    SourceDestCheck: primary?.hasSourceDestCheck ?? true,
    NetworkInterfaces: interfaces.map((record) => describeInterface(store, record)),
    EbsOptimized: instance.isEbsOptimized,
    ...(instance.iamInstanceProfile
      ? { IamInstanceProfile: { Arn: instance.iamInstanceProfile.arn, Id: instance.iamInstanceProfile.id } }
      : {}),
    EnaSupport: true,
    CpuOptions: { CoreCount: processors.coreCount, ThreadsPerCore: processors.threadsPerCore },
    ...(instance.spot ? { InstanceLifecycle: 'spot' as const, SpotInstanceRequestId: instance.spot.requestId } : {}),
    HibernationOptions: { Configured: instance.isHibernationConfigured ?? false },
    EnclaveOptions: { Enabled: false },
    CapacityReservationSpecification: {
      CapacityReservationPreference: instance.capacityReservationPreference ?? 'open',
    },
    MetadataOptions: describeMetadataOptions(
      instance.metadataOptions,
      metadataStateOf(instances.runtimeOf(instance.id)),
    ),
    MaintenanceOptions: { AutoRecovery: instance.autoRecovery, RebootMigration: instance.rebootMigration ?? 'default' },
    NetworkPerformanceOptions: { BandwidthWeighting: 'default' },
    Operator: { Managed: false },
    BootMode: instance.bootMode,
    CurrentInstanceBootMode: currentBootModeOf(instance),
    TpmSupport: instance.tpmSupport,
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    UsageOperationUpdateTime: new Date(primary?.attachment?.attachTime ?? instance.launchTime),
    PrivateDnsNameOptions: describePrivateDnsOptions(privateDnsOptionsOf(store, instance)),
  }
}

function ipv6Of(primary: InterfaceRecord | undefined): Pick<Instance, 'Ipv6Address'> {
  const address = primary?.ipv6Addresses?.[0]
  return address === undefined ? {} : { Ipv6Address: address }
}

/** EC2 gives a reason to instances that are not running. */
function describeStateReason({ state, stateReason }: InstanceRecord): Pick<Instance, 'StateReason'> {
  if (stateReason) return { StateReason: { Code: stateReason.code, Message: stateReason.message } }
  return state === 'pending' ? { StateReason: { Code: 'pending', Message: 'pending' } } : {}
}

/** An interface as DescribeInstances tells of it. */
export function describeInterface(store: Store, record: InterfaceRecord): InstanceNetworkInterface {
  const addresses = describeAddressesOf(store, record).map(({ Association: association, ...rest }) => ({
    ...rest,
    ...(association ? { Association: describeAssociation(association) } : {}),
  }))
  const [primary] = addresses
  return {
    NetworkInterfaceId: record.id,
    OwnerId: record.accountId,
    SubnetId: record.subnetId,
    VpcId: record.vpcId,
    Description: record.description,
    Status: 'in-use',
    MacAddress: record.macAddress,
    PrivateIpAddress: record.privateIp,
    PrivateDnsName: privateNameOf(record.privateIp, record.region),
    SourceDestCheck: record.hasSourceDestCheck,
    InterfaceType: 'interface',
    Groups: describeGroups(store, record.groupIds),
    Ipv6Addresses: describeIpv6Of(record).Ipv6Addresses,
    Operator: { Managed: false },
    PrivateIpAddresses: addresses,
    ...(primary?.Association ? { Association: primary.Association } : {}),
    ...(record.attachment
      ? {
          Attachment: {
            AttachmentId: record.attachment.id,
            DeviceIndex: record.attachment.deviceIndex,
            NetworkCardIndex: 0,
            Status: record.attachment.state ?? 'attached',
            AttachTime: new Date(record.attachment.attachTime),
            DeleteOnTermination: record.attachment.deleteOnTermination,
          },
        }
      : {}),
  }
}

/** DescribeInstances tells nothing of allocations. */
function describeAssociation({ IpOwnerId, PublicIp, PublicDnsName }: NetworkInterfaceAssociation) {
  return { IpOwnerId, PublicIp, PublicDnsName }
}

/** Security groups by id and name. */
export function describeGroups(store: Store, ids: readonly string[]): { GroupId: string; GroupName: string }[] {
  return ids.flatMap((id) => {
    const group = store.securityGroups.find(id)
    return group ? [{ GroupId: id, GroupName: group.name }] : []
  })
}
