import ipaddr from 'ipaddr.js'
import { Ec2Error } from './errors.ts'
import { containsBlock, formatIpv4Block, isIpv4Address, parseIpv4Block } from './ipv4.ts'
import { canonicalIpv6, containsIpv6Block, formatIpv6Block, parseIpv6Block } from './ipv6.ts'

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

/** A block of either family in its canonical form; undefined for what is none. */
export function canonicalBlock(text: string): string | undefined {
  const ipv4 = parseIpv4Block(text)
  if (ipv4) return formatIpv4Block(ipv4)
  const ipv6 = parseIpv6Block(text)
  return ipv6 && formatIpv6Block(ipv6)
}

/** Whether a block, or an address, is one of IPv6. */
export function isIpv6Block(cidr: string): boolean {
  return cidr.includes(':')
}

/** An address of either family in its canonical form; undefined for what is none. */
export function canonicalAddress(text: string): string | undefined {
  return isIpv4Address(text) ? text : canonicalIpv6(text)
}

/** The block of one address alone. */
export function blockOfAddress(address: string): string {
  return `${address}/${isIpv6Block(address) ? 128 : 32}`
}

/** Whether all of a block lies in another one, which must be of the same family. */
export function containsCidr(outer: string, inner: string): boolean {
  const [outerIpv4, innerIpv4] = [parseIpv4Block(outer), parseIpv4Block(inner)]
  if (outerIpv4 && innerIpv4) return containsBlock(outerIpv4, innerIpv4)
  const [outerIpv6, innerIpv6] = [parseIpv6Block(outer), parseIpv6Block(inner)]
  return outerIpv6 !== undefined && innerIpv6 !== undefined && containsIpv6Block(outerIpv6, innerIpv6)
}
