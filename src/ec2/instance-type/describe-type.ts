import type { InstanceTypeInfo } from '@aws-sdk/client-ec2'
import { maximumVolumes } from '../instance/block-devices.ts'
import { coreCountOf } from '../instance/cpu-options.ts'
import type { CpuManufacturer, InstanceType } from './instance-type.ts'

/** As ProcessorInfo tells them. */
const manufacturerNames: Readonly<Record<CpuManufacturer, string>> = {
  intel: 'Intel',
  amd: 'AMD',
  'amazon-web-services': 'AWS',
}

/** An instance type in EC2's shape. What a machine of Kiln's has not (enclaves, local disks) is told as not supported. */
export function describeType(type: InstanceType): InstanceTypeInfo {
  return {
    InstanceType: type.name as NonNullable<InstanceTypeInfo['InstanceType']>,
    CurrentGeneration: type.isCurrentGeneration,
    FreeTierEligible: type.isFreeTierEligible,
    SupportedUsageClasses: ['on-demand', 'spot'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: false,
    Hypervisor: type.hypervisor,
    ProcessorInfo: {
      SupportedArchitectures: [...type.architectures],
      ...(type.clockGhz === undefined ? {} : { SustainedClockSpeedInGhz: type.clockGhz }),
      Manufacturer: manufacturerNames[type.manufacturer],
    },
    VCpuInfo: {
      DefaultVCpus: type.vCpus,
      DefaultCores: coreCountOf(type),
      DefaultThreadsPerCore: type.threadsPerCore,
      ValidCores: upTo(coreCountOf(type)),
      ValidThreadsPerCore: upTo(type.threadsPerCore),
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: false,
    EbsInfo: {
      EbsOptimizedSupport: type.ebsOptimizedSupport,
      EncryptionSupport: 'supported',
      NvmeSupport: 'unsupported',
      MaximumEbsAttachments: maximumVolumes,
      AttachmentLimitType: 'dedicated',
    },
    NetworkInfo: describeNetwork(type),
    PlacementGroupInfo: {
      SupportedStrategies: type.isBurstable ? ['partition', 'spread'] : ['cluster', 'partition', 'spread'],
    },
    HibernationSupported: true,
    BurstablePerformanceSupported: type.isBurstable,
    DedicatedHostsSupported: false,
    AutoRecoverySupported: true,
    SupportedBootModes: [...type.supportedBootModes],
    NitroEnclavesSupport: 'unsupported',
    NitroTpmSupport: type.hasTpm ? 'supported' : 'unsupported',
    ...(type.hasTpm ? { NitroTpmInfo: { SupportedVersions: ['2.0'] } } : {}),
    PhcSupport: 'unsupported',
    RebootMigrationSupport: 'unsupported',
  }
}

function describeNetwork(type: InstanceType): NonNullable<InstanceTypeInfo['NetworkInfo']> {
  return {
    NetworkPerformance: type.networkPerformance,
    MaximumNetworkInterfaces: type.maximumInterfaces,
    MaximumNetworkCards: 1,
    DefaultNetworkCardIndex: 0,
    NetworkCards: [
      {
        NetworkCardIndex: 0,
        NetworkPerformance: type.networkPerformance,
        MaximumNetworkInterfaces: type.maximumInterfaces,
      },
    ],
    Ipv4AddressesPerInterface: type.addressesPerInterface,
    Ipv6AddressesPerInterface: type.ipv6AddressesPerInterface,
    Ipv6Supported: type.ipv6AddressesPerInterface > 0,
    EnaSupport: 'supported',
    EfaSupported: false,
    EncryptionInTransitSupported: false,
    EnaSrdSupported: false,
    FlexibleEnaQueuesSupport: 'unsupported',
  }
}

function upTo(maximum: number): number[] {
  return Array.from({ length: maximum }, (_, index) => index + 1)
}
