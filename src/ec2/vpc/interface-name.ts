import type { InstanceRecord } from '../instance/instance.ts'
import { privateDnsOptionsOf, resourceNameOf } from '../instance/private-dns.ts'
import { privateNameOf, publicNameOf } from '../network-interface/dns-name.ts'
import { addressesOf, type InterfaceRecord } from '../network-interface/network-interface.ts'
import type { Ipv6HostNetwork } from '../ports/vpc-names.ts'
import type { Store } from '../ports/store.ts'
import { givesPublicNames } from './vpc.ts'

/** The names of a private address, the one that a reverse look-up tells first. */
export interface HostNames {
  readonly privateIp: string
  readonly names: readonly string[]
}

/**
 * The names of all private addresses of an interface inside of its VPC, the primary one first. `instance` is the one that it is attached
 * to, whatever that one's state.
 */
export function namesOfInterface(
  store: Store,
  record: InterfaceRecord,
  instance: InstanceRecord | undefined,
): HostNames[] {
  const vpc = store.vpcs.find(record.vpcId)
  const hasPublicNames = vpc !== undefined && givesPublicNames(vpc)
  return addressesOf(record).map(({ privateIp, publicIp, isPrimary }) => {
    const ipName = privateNameOf(privateIp, record.region)
    const isOwn = isPrimary && record.attachment?.deviceIndex === 0
    return {
      privateIp,
      names: [
        ...(instance && isOwn ? withResourceName(store, instance, ipName) : [ipName]),
        // As on EC2, who asks inside comes by the private address.
        ...(publicIp && hasPublicNames ? [publicNameOf(publicIp, record.region)] : []),
      ],
    }
  })
}

/**
 * The names of all IPv6 addresses of an interface inside of its VPC. As on EC2, the name after the instance's id leads to the first
 * address of its first interface, where its options say so; no other name does.
 */
export function ipv6NamesOfInterface(
  store: Store,
  { attachment, ipv6Addresses = [] }: InterfaceRecord,
  instance: InstanceRecord | undefined,
): Ipv6HostNetwork[] {
  const hasName = instance && attachment?.deviceIndex === 0 && privateDnsOptionsOf(store, instance).hasResourceNameAaaa
  return ipv6Addresses.map((address, index) => ({
    address,
    names: hasName && index === 0 ? [resourceNameOf(instance)] : [],
  }))
}

function withResourceName(store: Store, instance: InstanceRecord, ipName: string): string[] {
  const { hostnameType, hasResourceNameA } = privateDnsOptionsOf(store, instance)
  if (!hasResourceNameA) return [ipName]
  const resourceName = resourceNameOf(instance)
  return hostnameType === 'resource-name' ? [resourceName, ipName] : [ipName, resourceName]
}
