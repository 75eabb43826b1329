import type { ResponseLaunchTemplateData } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeEncryption } from '../encryption/encryption.ts'
import { findOne } from '../ids.ts'
import { describeInstance } from '../instance/describe-instance.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { ipv6ProtocolOf } from '../instance/metadata-options.ts'
import type { Ec2Query } from '../operation.ts'
import { describePrivateDnsOptions, privateDnsOptionsOf } from '../instance/private-dns.ts'
import type { Store, Tag } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'

/** What a launch template must say to launch an instance like this one again. */
export function getLaunchTemplateData(domain: Domain): Ec2Query<'GetLaunchTemplateData'> {
  const { store } = domain
  return {
    kind: 'query',
    parameters: ['InstanceId'],
    answer: (context, { InstanceId: id = '' }) => {
      const instance = findOne('i', id, (wanted) => store.instances.get(context, wanted))
      return { LaunchTemplateData: dataOf(domain, instance) }
    },
  }
}

function dataOf(domain: Domain, instance: InstanceRecord): ResponseLaunchTemplateData {
  const { store } = domain
  const described = describeInstance(domain, instance)
  const { metadataOptions, iamInstanceProfile, cpuCredits, keyName, userData } = instance
  return {
    EbsOptimized: instance.isEbsOptimized,
    ...(iamInstanceProfile ? { IamInstanceProfile: { Arn: iamInstanceProfile.arn } } : {}),
    BlockDeviceMappings: devicesOf(store, instance),
    NetworkInterfaces: interfacesOf(store, instance),
    ImageId: instance.imageId,
    ...(described.InstanceType ? { InstanceType: described.InstanceType } : {}),
    ...(keyName === undefined ? {} : { KeyName: keyName }),
    Monitoring: { Enabled: instance.isMonitored },
    Placement: {
      AvailabilityZone: instance.availabilityZone,
      GroupName: instance.placement?.groupName ?? '',
      Tenancy: instance.tenancy ?? 'default',
    },
    DisableApiTermination: instance.hasTerminationProtection,
    DisableApiStop: instance.hasStopProtection,
    InstanceInitiatedShutdownBehavior: instance.shutdownBehavior,
    ...(userData === undefined ? {} : { UserData: userData }),
    TagSpecifications: tagsOf(store, instance),
    ...(instance.spot ? { InstanceMarketOptions: { MarketType: 'spot' as const } } : {}),
    ...(cpuCredits ? { CreditSpecification: { CpuCredits: cpuCredits } } : {}),
    ...(described.CpuOptions ? { CpuOptions: described.CpuOptions } : {}),
    CapacityReservationSpecification: {
      CapacityReservationPreference: instance.capacityReservationPreference ?? 'open',
    },
    HibernationOptions: { Configured: instance.isHibernationConfigured ?? false },
    EnclaveOptions: { Enabled: false },
    MetadataOptions: {
      HttpTokens: metadataOptions.httpTokens,
      HttpPutResponseHopLimit: metadataOptions.httpPutResponseHopLimit,
      HttpEndpoint: metadataOptions.httpEndpoint,
      HttpProtocolIpv6: ipv6ProtocolOf(metadataOptions),
      InstanceMetadataTags: metadataOptions.instanceMetadataTags,
    },
    PrivateDnsNameOptions: describePrivateDnsOptions(privateDnsOptionsOf(store, instance)),
    MaintenanceOptions: { AutoRecovery: instance.autoRecovery },
  }
}

function devicesOf(store: Store, { id }: InstanceRecord): ResponseLaunchTemplateData['BlockDeviceMappings'] {
  return store.volumes.listBy('attachment.instanceId', id).map((volume) => ({
    DeviceName: volume.attachment?.deviceName,
    Ebs: {
      ...describeEncryption(volume),
      DeleteOnTermination: volume.attachment?.deleteOnTermination,
      ...(volume.iops === undefined ? {} : { Iops: volume.iops }),
      ...(volume.throughputMibps === undefined ? {} : { Throughput: volume.throughputMibps }),
      ...(volume.snapshotId === undefined ? {} : { SnapshotId: volume.snapshotId }),
      VolumeSize: volume.sizeGib,
      VolumeType: volume.volumeType as 'gp3',
    },
  }))
}

/** Addresses are the instance's own: the next one gets others. */
function interfacesOf(store: Store, { id }: InstanceRecord): ResponseLaunchTemplateData['NetworkInterfaces'] {
  return store.interfaces.listBy('attachment.instanceId', id).map((record) => ({
    AssociatePublicIpAddress: record.wantsPublicIp,
    DeleteOnTermination: record.attachment?.deleteOnTermination,
    Description: record.description,
    DeviceIndex: record.attachment?.deviceIndex,
    Groups: [...record.groupIds],
    InterfaceType: 'interface',
    Ipv6Addresses: [],
    ...(record.ipv6Addresses ? { Ipv6AddressCount: record.ipv6Addresses.length } : {}),
    ...(record.hasPrimaryIpv6 ? { PrimaryIpv6: true } : {}),
    PrivateIpAddresses: [],
    SubnetId: record.subnetId,
    NetworkCardIndex: 0,
  }))
}

function tagsOf(store: Store, { id }: InstanceRecord): ResponseLaunchTemplateData['TagSpecifications'] {
  const isOwn = ({ key }: Tag) => !key.startsWith('aws:')
  const instanceTags = store.tags.of(id).filter(isOwn)
  const volumeTags = store.volumes.listBy('attachment.instanceId', id)[0]
  return [
    ...(instanceTags.length > 0 ? [{ ResourceType: 'instance' as const, Tags: describeTags(instanceTags) }] : []),
    ...(volumeTags && store.tags.of(volumeTags.id).some(isOwn)
      ? [{ ResourceType: 'volume' as const, Tags: describeTags(store.tags.of(volumeTags.id).filter(isOwn)) }]
      : []),
  ]
}
