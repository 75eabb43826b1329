import { vpcMtu } from '../ec2/ports/vpc-network.ts'

/**
 * What one packet may have, in bytes from its IP header on, by the way that it goes (Amazon EC2 User Guide, "Network maximum transmission unit
 * for your EC2 instance"; Amazon VPC User Guide, "NAT gateway basics"). The router tells a sender of a packet that is too long by ICMP, as
 * path MTU discovery wants it.
 */
export const mtu = {
  /** Within a VPC, and over a peering connection within a region. */
  vpc: vpcMtu,
  interRegionPeering: 8500,
  natGateway: 8500,
  internet: 1500,
} as const
