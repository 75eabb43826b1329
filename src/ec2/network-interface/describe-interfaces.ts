import type { NetworkInterface } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { describeAddressesOf } from './describe-address.ts'
import { addressesOf, describeIpv6Of, type InterfaceRecord, holderOf, statusOf } from './network-interface.ts'

export function describeNetworkInterfaces({ store }: Domain): Ec2Query<'DescribeNetworkInterfaces'> {
  const associationOf = (record: InterfaceRecord) => describeAddressesOf(store, record)[0].Association
  const publicIpsOf = (record: InterfaceRecord) => addressesOf(record).map(({ publicIp }) => publicIp)
  const source: DescribeSource<InterfaceRecord> = {
    collection: store.interfaces,
    prefix: 'eni',
    idParameter: 'networkInterfaceIds',
    filters: defineFilters(
      {
        'addresses.association.owner-id': (record) =>
          describeAddressesOf(store, record).map(({ Association }) => Association?.IpOwnerId),
        'addresses.association.public-ip': publicIpsOf,
        'addresses.primary': (record) => addressesOf(record).map(({ isPrimary }) => isPrimary),
        'addresses.private-ip-address': (record) => addressesOf(record).map(({ privateIp }) => privateIp),
        'association.allocation-id': (record) => associationOf(record)?.AllocationId,
        'association.association-id': (record) => associationOf(record)?.AssociationId,
        'association.ip-owner-id': (record) => associationOf(record)?.IpOwnerId,
        'association.public-dns-name': (record) => associationOf(record)?.PublicDnsName,
        'association.public-ip': { read: ({ publicIp }) => publicIp, index: 'publicIp' },
        'attachment.attach-time': ({ attachment }) => attachment?.attachTime,
        'attachment.attachment-id': { read: ({ attachment }) => attachment?.id, index: 'attachment.id' },
        'attachment.delete-on-termination': (record) => describeAttachment(record)?.DeleteOnTermination,
        'attachment.device-index': (record) => describeAttachment(record)?.DeviceIndex,
        'attachment.instance-id': { read: ({ attachment }) => attachment?.instanceId, index: 'attachment.instanceId' },
        'attachment.instance-owner-id': (record) => describeAttachment(record)?.InstanceOwnerId,
        'attachment.nat-gateway-id': ({ natGatewayId }) => natGatewayId,
        'attachment.status': (record) => describeAttachment(record)?.Status,
        'availability-zone': ({ availabilityZone }) => availabilityZone,
        'availability-zone-id': ({ subnetId }) => store.subnets.find(subnetId)?.availabilityZoneId,
        description: ({ description }) => description,
        'group-id': { read: ({ groupIds }) => groupIds, index: 'groupIds[]' },
        'group-name': ({ groupIds }) => groupIds.map((id) => store.securityGroups.find(id)?.name),
        'interface-type': interfaceTypeOf,
        'ipv6-addresses.ipv6-address': { read: ({ ipv6Addresses }) => ipv6Addresses, index: 'ipv6Addresses[]' },
        'mac-address': { read: ({ macAddress }) => macAddress, index: 'macAddress' },
        'network-interface-id': { read: ({ id }) => id, index: 'id' },
        'operator.managed': () => false,
        'operator.principal': () => undefined,
        'owner-id': ({ accountId }) => accountId,
        'private-dns-name': (record) => describeAddressesOf(store, record)[0].PrivateDnsName,
        'private-ip-address': { read: ({ privateIp }) => privateIp, index: 'privateIp' },
        'requester-id': (record) => (holderOf(record) === undefined ? undefined : record.accountId),
        'requester-managed': (record) => holderOf(record) !== undefined,
        'source-dest-check': ({ hasSourceDestCheck }) => hasSourceDestCheck,
        status: statusOf,
        'subnet-id': { read: ({ subnetId }) => subnetId, index: 'subnetId' },
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['NetworkInterfaceIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.NetworkInterfaceIds })
      return {
        NetworkInterfaces: page.records.map((record) => describeNetworkInterface(store, record)),
        ...page.token,
      }
    },
  }
}

/** An interface in EC2's shape. */
export function describeNetworkInterface(store: Store, record: InterfaceRecord): NetworkInterface {
  const addresses = describeAddressesOf(store, record)
  const [primary] = addresses
  return {
    NetworkInterfaceId: record.id,
    OwnerId: record.accountId,
    SubnetId: record.subnetId,
    VpcId: record.vpcId,
    AvailabilityZone: record.availabilityZone,
    AvailabilityZoneId: store.subnets.find(record.subnetId)?.availabilityZoneId,
    Description: record.description,
    Status: statusOf(record),
    MacAddress: record.macAddress,
    PrivateIpAddress: record.privateIp,
    PrivateDnsName: primary.PrivateDnsName,
    PrivateIpAddresses: addresses.map((address) => ({ ...address })),
    ...(primary.Association ? { Association: primary.Association } : {}),
    SourceDestCheck: record.hasSourceDestCheck,
    // EC2's word on the wire; its model has another one.
    InterfaceType: interfaceTypeOf(record) as 'interface',
    Groups: record.groupIds.flatMap((id) => {
      const group = store.securityGroups.find(id)
      return group ? [{ GroupId: id, GroupName: group.name }] : []
    }),
    ...describeIpv6Of(record),
    RequesterManaged: holderOf(record) !== undefined,
    ...(holderOf(record) === undefined ? {} : { RequesterId: record.accountId }),
    Operator: { Managed: false },
    ...(statusOf(record) === 'in-use' ? { Attachment: describeAttachment(record) } : {}),
    TagSet: describeTags(store.tags.of(record.id)),
  }
}

/** The attachment of an interface in EC2's shape. */
export function describeAttachment(record: InterfaceRecord): NetworkInterface['Attachment'] {
  const { attachment, accountId } = record
  const holder = holderOf(record)
  if (holder !== undefined) {
    return {
      AttachmentId: `ela-attach-${holder.slice(holder.indexOf('-') + 1)}`,
      InstanceOwnerId: 'amazon-aws',
      DeviceIndex: 1,
      Status: 'attached',
      DeleteOnTermination: false,
    }
  }
  return (
    attachment && {
      AttachmentId: attachment.id,
      InstanceId: attachment.instanceId,
      InstanceOwnerId: accountId,
      DeviceIndex: attachment.deviceIndex,
      NetworkCardIndex: 0,
      Status: attachment.state ?? 'attached',
      AttachTime: new Date(attachment.attachTime),
      DeleteOnTermination: attachment.deleteOnTermination,
    }
  )
}

function interfaceTypeOf({
  natGatewayId,
  connectEndpointId,
}: InterfaceRecord): 'interface' | 'nat_gateway' | 'ec2_instance_connect_endpoint' {
  if (connectEndpointId !== undefined) return 'ec2_instance_connect_endpoint'
  return natGatewayId === undefined ? 'interface' : 'nat_gateway'
}
