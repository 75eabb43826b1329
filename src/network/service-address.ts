import { serviceAddresses } from '../ec2/ports/service-address.ts'

/** Where the metadata service and the EC2 API answer by IPv6. */
export const [, metadataIpv6Address] = serviceAddresses.metadata
/** The VPC's DNS server by IPv6. */
export const [, dnsIpv6Address] = serviceAddresses.dns
/** Where the Amazon Time Sync Service answers. */
export const [timeAddress, timeIpv6Address] = serviceAddresses.time
/** All of IPv6, and where no VPC has its addresses. */
export const serviceBlock = 'fd00:ec2::/32'
/** What every guest has as its router: each tap has it for itself. */
export const routerIpv6Address = 'fe80::1'
