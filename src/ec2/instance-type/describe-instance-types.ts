import type { InstanceTypeInfo } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { InstanceType } from './instance-type.ts'

export function describeInstanceTypes({ instanceTypes }: Domain): Ec2Query<'DescribeInstanceTypes'> {
  const filters = defineFilters<InstanceType>({
    'bare-metal': () => false,
    'burstable-performance-supported': ({ isBurstable }) => isBurstable,
    'current-generation': ({ isCurrentGeneration }) => isCurrentGeneration,
    'free-tier-eligible': ({ isFreeTierEligible }) => isFreeTierEligible,
    hypervisor: () => 'xen',
    'instance-storage-supported': () => false,
    'instance-type': ({ name }) => name,
    'memory-info.size-in-mib': ({ memoryMib }) => memoryMib,
    'processor-info.supported-architecture': ({ architectures }) => architectures,
    'supported-root-device-type': () => 'ebs',
    'supported-virtualization-type': () => 'hvm',
    'vcpu-info.default-vcpus': ({ vCpus }) => vCpus,
    'vcpu-info.default-threads-per-core': ({ threadsPerCore }) => threadsPerCore,
  })
  return {
    kind: 'query',
    parameters: ['InstanceTypes', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (_context, input) => {
      const names = input.InstanceTypes ?? []
      const unknown = names.filter((name) => !instanceTypes.find(name))
      if (unknown.length > 0) {
        throw new Ec2Error(
          'InvalidInstanceType',
          `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
        )
      }
      const known = names.length > 0 ? names.map((name) => instanceTypes.get(name)) : instanceTypes.list()
      const matching = applyFilters(known, input.Filters, filters)
      const page = takePage(matching, input, ({ name }) => name, { minimum: 5, maximum: 100 })
      return {
        InstanceTypes: page.records.map(describeType),
        ...page.token,
      }
    },
  }
}

export function describeInstanceTypeOfferings({
  instanceTypes,
  regions,
}: Domain): Ec2Query<'DescribeInstanceTypeOfferings'> {
  const filters = defineFilters<{ name: string; location: string }>({
    'instance-type': ({ name }) => name,
    location: ({ location }) => location,
  })
  return {
    kind: 'query',
    parameters: ['LocationType', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const type = input.LocationType ?? 'region'
      const zones = regions.get(context.region)?.zones ?? []
      const locations =
        type === 'region'
          ? [context.region]
          : zones.map((zone) => (type === 'availability-zone-id' ? zone.id : zone.name))
      const offerings = instanceTypes.list().flatMap(({ name }) => locations.map((location) => ({ name, location })))
      const matching = applyFilters(offerings, input.Filters, filters)
      const page = takePage(matching, input, ({ name, location }) => `${name} ${location}`)
      return {
        InstanceTypeOfferings: page.records.map(({ name, location }) => ({
          InstanceType: name as NonNullable<InstanceTypeInfo['InstanceType']>,
          LocationType: type,
          Location: location,
        })),
        ...page.token,
      }
    },
  }
}

function describeType(type: InstanceType): InstanceTypeInfo {
  return {
    InstanceType: type.name as NonNullable<InstanceTypeInfo['InstanceType']>,
    CurrentGeneration: type.isCurrentGeneration,
    FreeTierEligible: type.isFreeTierEligible,
    SupportedUsageClasses: ['on-demand'],
    SupportedRootDeviceTypes: ['ebs'],
    SupportedVirtualizationTypes: ['hvm'],
    BareMetal: false,
    Hypervisor: 'xen',
    ProcessorInfo: { SupportedArchitectures: [...type.architectures] },
    VCpuInfo: {
      DefaultVCpus: type.vCpus,
      DefaultCores: Math.max(1, type.vCpus / type.threadsPerCore),
      DefaultThreadsPerCore: type.threadsPerCore,
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: false,
    EbsInfo: { EbsOptimizedSupport: 'default', EncryptionSupport: 'unsupported', NvmeSupport: 'unsupported' },
    NetworkInfo: {
      MaximumNetworkInterfaces: type.maximumInterfaces,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      Ipv4AddressesPerInterface: type.addressesPerInterface,
      Ipv6AddressesPerInterface: 0,
      Ipv6Supported: false,
      EnaSupport: 'supported',
      EfaSupported: false,
    },
    BurstablePerformanceSupported: type.isBurstable,
    DedicatedHostsSupported: false,
    HibernationSupported: false,
    AutoRecoverySupported: true,
    SupportedBootModes: ['legacy-bios'],
  }
}
