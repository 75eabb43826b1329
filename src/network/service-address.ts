/** Where the metadata service and the EC2 API answer by IPv6, as on EC2 ("Use the Instance Metadata Service"). */
export const metadataIpv6Address = 'fd00:ec2::254'
/** The VPC's DNS server by IPv6, as on EC2 ("Amazon DNS server"). */
export const dnsIpv6Address = 'fd00:ec2::253'
/** Where the Amazon Time Sync Service answers, as on EC2 ("Amazon Time Sync Service"). */
export const timeAddress = '169.254.169.123'
export const timeIpv6Address = 'fd00:ec2::123'
/** All of IPv6, and where no VPC has its addresses. */
export const serviceBlock = 'fd00:ec2::/32'
/** What every guest has as its router: each tap has it for itself. */
export const routerIpv6Address = 'fe80::1'
