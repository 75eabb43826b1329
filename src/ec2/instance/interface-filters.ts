import type { InstanceNetworkInterface } from '@aws-sdk/client-ec2'
import type { FilterTable, FilterValue } from '../filter.ts'
import { addressesOf } from '../network-interface/network-interface.ts'
import type { Store } from '../ports/store.ts'
import { describeInterface } from './describe-instance.ts'
import type { InstanceRecord } from './instance.ts'

/** Those documented filters of DescribeInstances that look at what it tells of network interfaces, and at their tags. */
export function interfaceFilters(store: Store): FilterTable<InstanceRecord> {
  const recordsOf = ({ id }: InstanceRecord) => store.interfaces.listBy('attachment.instanceId', id)
  const tagsOf = (instance: InstanceRecord) => recordsOf(instance).flatMap(({ id }) => store.tags.of(id))
  const each =
    (read: (told: InstanceNetworkInterface) => FilterValue | readonly FilterValue[]) => (instance: InstanceRecord) =>
      recordsOf(instance).flatMap((record) => read(describeInterface(store, record)))
  const addresses = ({ PrivateIpAddresses: told = [] }: InstanceNetworkInterface) => told
  const elastic = (instance: InstanceRecord) =>
    recordsOf(instance).flatMap((record) => addressesOf(record).map(({ elasticIp }) => elasticIp))
  const allocationIds = (instance: InstanceRecord) => elastic(instance).map((address) => address?.allocationId)
  const associationIds = (instance: InstanceRecord) => elastic(instance).map((address) => address?.associationId)
  const none = () => undefined
  return {
    'network-interface.addresses.association.allocation-id': allocationIds,
    'network-interface.addresses.association.association-id': associationIds,
    'network-interface.addresses.association.carrier-ip': none,
    'network-interface.addresses.association.customer-owned-ip': none,
    'network-interface.addresses.association.ip-owner-id': each((told) =>
      addresses(told).map(({ Association: association }) => association?.IpOwnerId),
    ),
    'network-interface.addresses.association.public-dns-name': each((told) =>
      addresses(told).map(({ Association: association }) => association?.PublicDnsName),
    ),
    'network-interface.addresses.private-dns-name': each((told) =>
      addresses(told).map(({ PrivateDnsName: name }) => name),
    ),
    'network-interface.association.allocation-id': allocationIds,
    'network-interface.association.association-id': associationIds,
    'network-interface.association.carrier-ip': none,
    'network-interface.association.customer-owned-ip': none,
    'network-interface.association.ip-owner-id': each(({ Association: association }) => association?.IpOwnerId),
    'network-interface.association.public-dns-name': each(({ Association: association }) => association?.PublicDnsName),
    'network-interface.attachment.network-card-index': each(({ Attachment: told }) => told?.NetworkCardIndex),
    'network-interface.deny-all-igw-traffic': each(() => false),
    'network-interface.ipv4-prefixes.ipv4-prefix': each(({ Ipv4Prefixes: told = [] }) =>
      told.map(({ Ipv4Prefix: prefix }) => prefix),
    ),
    'network-interface.ipv6-addresses.is-primary-ipv6': each(({ Ipv6Addresses: told = [] }) =>
      told.map(({ IsPrimaryIpv6: isPrimary }) => isPrimary),
    ),
    'network-interface.ipv6-native': each(() => false),
    'network-interface.ipv6-prefixes.ipv6-prefix': each(({ Ipv6Prefixes: told = [] }) =>
      told.map(({ Ipv6Prefix: prefix }) => prefix),
    ),
    'network-interface.operator.managed': each(() => false),
    'network-interface.operator.principal': none,
    'network-interface.outpost-arn': none,
    'network-interface.public-dns-name': each(({ Association: association }) => association?.PublicDnsName),
    'network-interface.tag-key': (instance) => tagsOf(instance).map(({ key }) => key),
    'network-interface.tag-value': (instance) => tagsOf(instance).map(({ value }) => value),
  }
}
