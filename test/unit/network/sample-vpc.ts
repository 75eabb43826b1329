import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { InterfaceNetwork, VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'

export const toInternet: RouteNetwork = { destination: '0.0.0.0/0', target: { kind: 'internet' } }

/** An interface with the address 172.31.0.NUMBER; tests change what they look at. */
export function sampleInterface(number: number, changes: Partial<InterfaceNetwork> = {}): InterfaceNetwork {
  return {
    id: `eni-0000000000000000${number}`,
    tapName: `eni00000000000${number}`,
    mac: `02:00:00:00:00:0${number}`,
    subnetId: 'subnet-1',
    privateIp: `172.31.0.${number}`,
    dnsNames: [`ip-172-31-0-${number}.ec2.internal`, `i-0000000000000000${number}.ec2.internal`],
    groupIds: ['sg-1'],
    hasSourceDestCheck: true,
    metadata: { hopLimit: 1 },
    ...changes,
  }
}

/** A VPC with two subnets, one of them private, and two guests that share one group. */
export function sampleVpc(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return {
    id: 'vpc-1',
    cidr: '172.31.0.0/16',
    secondaryCidrs: [],
    domain: 'ec2.internal',
    hasDns: true,
    dhcp: { domainName: 'ec2.internal', nameServers: ['AmazonProvidedDNS'], ntpServers: [] },
    subnets: [
      { id: 'subnet-1', cidr: '172.31.0.0/20', routes: [toInternet] },
      { id: 'subnet-2', cidr: '172.31.16.0/20', routes: [] },
    ],
    groups: [
      {
        id: 'sg-1',
        ingress: [
          { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' },
          { protocol: 'udp', fromPort: 5000, toPort: 5010, cidr: '10.0.0.0/8' },
          { protocol: 'tcp', fromPort: 0, toPort: 65_535, groupId: 'sg-1' },
          { protocol: 'icmp', icmpType: 8, icmpCode: 0, cidr: '172.31.0.0/16' },
          { protocol: 'icmp', cidr: '172.31.0.0/16' },
          { protocol: 50, cidr: '192.0.2.1/32' },
          { protocol: 'all', groupId: 'sg-2' },
          { protocol: 'tcp', fromPort: 1, toPort: 2, groupId: 'sg-gone' },
          { protocol: 'all', cidr: '::/0' },
          { protocol: 'icmpv6', groupId: 'sg-1' },
          { protocol: 'tcp', fromPort: 443, toPort: 443, prefixListId: 'pl-1' },
          { protocol: 'tcp', fromPort: 444, toPort: 444, prefixListId: 'pl-gone' },
        ],
        egress: [{ protocol: 'all', cidr: '0.0.0.0/0' }],
      },
      { id: 'sg-2', ingress: [], egress: [] },
    ],
    prefixLists: [{ id: 'pl-1', cidrs: ['10.1.0.0/16', '10.1.2.0/24', '2001:db8::/32'] }],
    interfaces: [
      sampleInterface(5, { publicIp: '127.80.0.10' }),
      sampleInterface(6, { groupIds: ['sg-1', 'sg-2'], hasSourceDestCheck: false, metadata: { hopLimit: 64 } }),
    ],
    natGateways: [],
    peerings: [],
    ...changes,
  }
}

/** The same VPC with a block of IPv6 addresses: one guest has two, the other one none; the second subnet has no block. */
export function dualStackVpc(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  const plain = sampleVpc()
  const [first, second] = plain.subnets.map((subnet) => ({ ...subnet }))
  const [guest, other] = plain.interfaces
  if (!first || !second || !guest || !other) throw new Error('the sample has changed')
  return {
    ...plain,
    ipv6Cidrs: ['fd12:3456:789a::/56'],
    subnets: [
      {
        ...first,
        ipv6Cidr: 'fd12:3456:789a::/64',
        routes: [toInternet, { destination: '::/0', target: { kind: 'egress-only' } }],
      },
      second,
    ],
    interfaces: [
      {
        ...guest,
        ipv6Addresses: [
          { address: 'fd12:3456:789a::5', names: ['i-00000000000000005.ec2.internal'] },
          { address: 'fd12:3456:789a::55', names: [] },
        ],
        metadata: { hopLimit: 1, hasIpv6Endpoint: true },
      },
      other,
      sampleInterface(7, { subnetId: 'subnet-2', privateIp: '172.31.16.7' }),
    ],
    ...changes,
  }
}
