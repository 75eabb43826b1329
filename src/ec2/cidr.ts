import ipaddr from 'ipaddr.js'
import { Ec2Error } from './errors.ts'

/** Reads a CIDR block of that kind. EC2 keeps the network address: 10.1.2.3/8 becomes 10.0.0.0/8. Throws InvalidParameterValue. */
export function readCidr(text: string, kind: 'ipv4' | 'ipv6'): string {
  const malformed = new Ec2Error('InvalidParameterValue', `CIDR block ${text.slice(0, 60)} is malformed`)
  if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text)) throw malformed
  try {
    const [address, prefixLength] = ipaddr.parseCIDR(text)
    if (address.kind() !== kind) throw malformed
    const network =
      kind === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text)
    return `${network.toString()}/${prefixLength}`
  } catch {
    throw malformed
  }
}
