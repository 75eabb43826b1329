import { tapNameOf } from '../network-interface/network-interface.ts'
import { amazonProvidedDns } from '../ports/dhcp.ts'
import type { VpcNetwork } from '../ports/vpc-network.ts'
import type { WarmTemplateRecord } from './fast-launch.ts'

/** Everything there is in a template's network: the blocks are those of a default VPC. */
export const templateNetwork = {
  domain: 'ec2.internal',
  cidr: '172.31.0.0/16',
  subnetId: 'subnet-template',
  subnetCidr: '172.31.0.0/20',
  /** Of the source. */
  address: '172.31.0.4',
  hostName: 'ip-172-31-0-4.ec2.internal',
} as const
const groupId = 'sg-template'

/** The name of its tap, and of the interface. */
export function templateInterfaceOf({ networkId }: Pick<WarmTemplateRecord, 'networkId'>): string {
  return networkId.replace('vpc-', 'eni-')
}

/**
 * The network that a template's source boots in: alone, with addresses, names and a metadata service, and with no way out. What it met there
 * would be in the memory of everything that goes on from it.
 */
export function describeTemplateNetwork(template: Pick<WarmTemplateRecord, 'networkId' | 'macAddress'>): VpcNetwork {
  const interfaceId = templateInterfaceOf(template)
  const { cidr, domain, subnetId, subnetCidr, address, hostName } = templateNetwork
  return {
    id: template.networkId,
    ...{ cidr, secondaryCidrs: [], domain, hasDns: true },
    dhcp: { domainName: domain, nameServers: [amazonProvidedDns], ntpServers: [] },
    subnets: [{ id: subnetId, cidr: subnetCidr, routes: [] }],
    groups: [{ id: groupId, ingress: [], egress: [{ protocol: 'all', cidr: '0.0.0.0/0' }] }],
    ...{ prefixLists: [], natGateways: [], peerings: [] },
    interfaces: [
      {
        id: interfaceId,
        tapName: tapNameOf(interfaceId),
        mac: template.macAddress,
        subnetId,
        privateIp: address,
        dnsNames: [hostName],
        groupIds: [groupId],
        hasSourceDestCheck: true,
        metadata: { hopLimit: 1 },
      },
    ],
  }
}
