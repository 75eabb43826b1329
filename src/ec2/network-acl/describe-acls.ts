import type { NetworkAcl, NetworkAclEntry as EntryDescription } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters, type FilterValue } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { ipv6CidrsOf } from '../vpc/vpc.ts'
import { associationsOf, type NetworkAclEntry, type NetworkAclRecord } from './network-acl.ts'

/** The entries that come last in either direction and deny the rest; the second one is told in VPCs with IPv6 blocks. */
const lastEntries = [
  { RuleNumber: 32_767, CidrBlock: '0.0.0.0/0' },
  { RuleNumber: 32_768, Ipv6CidrBlock: '::/0' },
] as const
const protocolNames: Readonly<Record<string, string>> = { '1': 'icmp', '6': 'tcp', '17': 'udp' }

export function describeNetworkAcls({ store }: Domain): Ec2Query<'DescribeNetworkAcls'> {
  const ofEntries = (read: (entry: EntryDescription) => FilterValue) => (acl: NetworkAclRecord) =>
    entriesOf(store, acl).map(read)
  const source: DescribeSource<NetworkAclRecord> = {
    collection: store.networkAcls,
    prefix: 'acl',
    idParameter: 'networkAclIds',
    filters: defineFilters(
      {
        'association.association-id': (acl) => associationsOf(store, acl).map(({ id }) => id),
        'association.network-acl-id': (acl) => associationsOf(store, acl).map(() => acl.id),
        'association.subnet-id': (acl) => associationsOf(store, acl).map(({ subnetId }) => subnetId),
        default: ({ isDefault }) => isDefault,
        'entry.cidr': ofEntries((entry) => entry.CidrBlock),
        'entry.egress': ofEntries((entry) => entry.Egress),
        'entry.icmp.code': ofEntries((entry) => entry.IcmpTypeCode?.Code),
        'entry.icmp.type': ofEntries((entry) => entry.IcmpTypeCode?.Type),
        'entry.ipv6-cidr': ofEntries((entry) => entry.Ipv6CidrBlock),
        'entry.port-range.from': ofEntries((entry) => entry.PortRange?.From),
        'entry.port-range.to': ofEntries((entry) => entry.PortRange?.To),
        'entry.protocol': (acl) =>
          entriesOf(store, acl).flatMap(({ Protocol: number = '' }) => [number, protocolNames[number]]),
        'entry.rule-action': ofEntries((entry) => entry.RuleAction),
        'entry.rule-number': ofEntries((entry) => entry.RuleNumber),
        'network-acl-id': { read: ({ id }) => id, index: 'id' },
        'owner-id': ({ accountId }) => accountId,
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['NetworkAclIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.NetworkAclIds })
      return { NetworkAcls: page.records.map((acl) => describeNetworkAcl(store, acl)), ...page.token }
    },
  }
}

/** A network ACL in EC2's shape. */
export function describeNetworkAcl(store: Store, acl: NetworkAclRecord): NetworkAcl {
  return {
    NetworkAclId: acl.id,
    VpcId: acl.vpcId,
    IsDefault: acl.isDefault,
    OwnerId: acl.accountId,
    Entries: entriesOf(store, acl),
    Associations: associationsOf(store, acl).map(({ id, subnetId }) => ({
      NetworkAclAssociationId: id,
      NetworkAclId: acl.id,
      SubnetId: subnetId,
    })),
    Tags: describeTags(store.tags.of(acl.id)),
  }
}

/** In EC2's order: by direction, egress first, and number. */
function entriesOf(store: Store, { vpcId, entries }: NetworkAclRecord): EntryDescription[] {
  const vpc = store.vpcs.find(vpcId)
  const last = lastEntries.slice(0, vpc && ipv6CidrsOf(vpc).length > 0 ? 2 : 1)
  return [true, false].flatMap((isEgress) => [
    ...entries
      .filter((entry) => entry.isEgress === isEgress)
      .sort((a, b) => a.ruleNumber - b.ruleNumber)
      .map(describeEntry),
    ...last.map((entry) => ({ ...entry, Egress: isEgress, Protocol: '-1', RuleAction: 'deny' as const })),
  ])
}

function describeEntry(entry: NetworkAclEntry): EntryDescription {
  return {
    RuleNumber: entry.ruleNumber,
    Egress: entry.isEgress,
    Protocol: entry.protocol,
    RuleAction: entry.action,
    CidrBlock: entry.cidrIpv4,
    Ipv6CidrBlock: entry.cidrIpv6,
    ...(entry.fromPort === undefined ? {} : { PortRange: { From: entry.fromPort, To: entry.toPort } }),
    ...(entry.icmpType === undefined ? {} : { IcmpTypeCode: { Type: entry.icmpType, Code: entry.icmpCode } }),
  }
}
