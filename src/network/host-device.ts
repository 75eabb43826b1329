/** The VPC's end of the wire to the host, in routed mode. */
export const hostDevice = 'host0'
/** The host's end of every wire; what guests see as the other side. They reach nothing there but answer. */
export const hostAddress = '169.254.169.241'
/** The same by IPv6, in the block where no VPC has its addresses. */
export const hostIpv6Address = 'fd00:ec2::241'
