/** Where guests reach the EC2 API, in every VPC: the host's own loopback is not theirs. */
export const guestEndpoint = { address: '169.254.169.254', port: 8773 } as const

/**
 * Where a VPC's own services answer its guests, by IPv4 and by IPv6, as on EC2 ("Use the Instance Metadata Service", "Amazon DNS server",
 * "Amazon Time Sync Service"). The metadata service and the EC2 API share theirs.
 */
export const serviceAddresses = {
  metadata: [guestEndpoint.address, 'fd00:ec2::254'],
  dns: ['169.254.169.253', 'fd00:ec2::253'],
  time: ['169.254.169.123', 'fd00:ec2::123'],
} as const

/** base + 2 of the VPC's CIDR ("Amazon DNS server"). */
export function resolverAddress(cidr: string): string {
  const [address = '0.0.0.0'] = cidr.split('/')
  const octets = address.split('.').map(Number)
  octets[3] = (octets[3] ?? 0) + 2
  return octets.join('.')
}
