import type { InterfaceMetadata } from '../ec2/ports/metadata.ts'
import { leaf, listing, type MetadataDirectory } from './node.ts'

/** `network/interfaces/macs/MAC`. */
export function interfaceTree(entry: InterfaceMetadata): MetadataDirectory {
  return {
    'device-number': String(entry.deviceNumber),
    'interface-id': entry.interfaceId,
    ...associationTree(entry),
    ...listing('ipv6s', entry.ipv6s),
    'local-hostname': entry.localHostname,
    'local-ipv4s': entry.privateIps.join('\n'),
    mac: entry.mac,
    'network-card': String(entry.networkCard),
    'owner-id': entry.ownerId,
    ...leaf('public-hostname', entry.publicHostname),
    ...listing(
      'public-ipv4s',
      entry.publicIps.map(({ publicIp }) => publicIp),
    ),
    'security-group-ids': entry.securityGroupIds.join('\n'),
    'security-groups': entry.securityGroupNames.join('\n'),
    'subnet-id': entry.subnetId,
    'subnet-ipv4-cidr-block': entry.subnetCidr,
    ...listing('subnet-ipv6-cidr-blocks', entry.subnetIpv6Cidrs),
    'vpc-id': entry.vpcId,
    'vpc-ipv4-cidr-block': entry.vpcCidrs[0] ?? '',
    'vpc-ipv4-cidr-blocks': entry.vpcCidrs.join('\n'),
    ...listing('vpc-ipv6-cidr-blocks', entry.vpcIpv6Cidrs),
  }
}

/** The private address behind each public one. */
function associationTree({ publicIps }: InterfaceMetadata): MetadataDirectory {
  if (publicIps.length === 0) return {}
  return { 'ipv4-associations': Object.fromEntries(publicIps.map(({ publicIp, privateIp }) => [publicIp, privateIp])) }
}
