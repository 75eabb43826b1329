import { serviceAddresses } from '../ec2/ports/service-address.ts'

/** The link-local address of the VPC's DNS server. */
export const [dnsAddress] = serviceAddresses.dns
