/** The link-local address of the VPC's DNS server. */
export const dnsAddress = '169.254.169.253'
