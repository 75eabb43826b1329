import type { Instance, RunInstancesRequest } from '@aws-sdk/client-ec2'
import { type PrivateDnsOptions, privateNameOf } from '../network-interface/dns-name.ts'
import type { Store } from '../ports/store.ts'
import { hasResourceNames, type SubnetRecord } from '../subnet/subnet.ts'
import { privateDomainOf } from '../vpc/vpc.ts'
import type { InstanceRecord } from './instance.ts'

/** What instances that are launched in a subnet have, unless the launch says otherwise. */
export function privateDnsDefaultsOf(subnet: SubnetRecord | undefined): PrivateDnsOptions {
  return {
    hostnameType: subnet?.hostnameType ?? 'ip-name',
    hasResourceNameA: subnet ? hasResourceNames(subnet) : true,
    hasResourceNameAaaa: subnet?.hasResourceNamesAaaa ?? false,
  }
}

/** The options of a launch over those of its subnet. */
export function choosePrivateDns(
  subnet: SubnetRecord,
  given: RunInstancesRequest['PrivateDnsNameOptions'],
): PrivateDnsOptions {
  const defaults = privateDnsDefaultsOf(subnet)
  return {
    hostnameType: given?.HostnameType ?? defaults.hostnameType,
    hasResourceNameA: given?.EnableResourceNameDnsARecord ?? defaults.hasResourceNameA,
    hasResourceNameAaaa: given?.EnableResourceNameDnsAAAARecord ?? defaults.hasResourceNameAaaa,
  }
}

/** An instance of before these options were kept has those of its subnet. */
export function privateDnsOptionsOf(store: Store, instance: InstanceRecord): PrivateDnsOptions {
  return instance.privateDns ?? privateDnsDefaultsOf(store.subnets.find(instance.subnetId))
}

/** Options in EC2's shape. */
export function describePrivateDnsOptions({
  hostnameType,
  hasResourceNameA,
  hasResourceNameAaaa,
}: PrivateDnsOptions): NonNullable<Instance['PrivateDnsNameOptions']> {
  return {
    HostnameType: hostnameType,
    EnableResourceNameDnsARecord: hasResourceNameA,
    EnableResourceNameDnsAAAARecord: hasResourceNameAaaa,
  }
}

/** `i-0123456789abcdef0.ec2.internal` */
export function resourceNameOf({ id, region }: Pick<InstanceRecord, 'id' | 'region'>): string {
  return `${id}.${privateDomainOf(region)}`
}

/** What an instance calls itself. */
export function privateHostNameOf(store: Store, instance: InstanceRecord): string {
  const { hostnameType } = privateDnsOptionsOf(store, instance)
  return hostnameType === 'resource-name'
    ? resourceNameOf(instance)
    : privateNameOf(instance.privateIp, instance.region)
}
