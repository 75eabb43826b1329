import { numberOfIpv6, ipv6OfNumber, parseIpv6Block } from '../ec2/ipv6.ts'

/** What a manifest says of an instance's IPv6: whether it has an address, or which; canonical texts, `::10` a host part. */
export type LabIpv6 = boolean | readonly string[]

const hostBits = 64n
const hostMask = (1n << hostBits) - 1n

/** The addresses of a subnet that a list means: `::10` is the one that ends so. Pure. */
export function addressesIn(cidr: string, listed: readonly string[]): string[] {
  const base = parseIpv6Block(cidr)?.base ?? 0n
  return listed.map((text) => {
    const number = numberOfIpv6(text) ?? 0n
    return ipv6OfNumber(isHostPart(number) ? base | number : number)
  })
}

/** Whether an instance with these addresses is as the manifest says. */
export function hasIpv6(wanted: LabIpv6, addresses: readonly string[]): boolean {
  if (typeof wanted === 'boolean') return wanted === addresses.length > 0
  const present = addresses.map((address) => numberOfIpv6(address) ?? 0n)
  const isThere = (text: string) => {
    const number = numberOfIpv6(text) ?? 0n
    return present.some((own) => own === number || (isHostPart(number) && (own & hostMask) === number))
  }
  return wanted.length === present.length && wanted.every(isThere)
}

/** For the diff. */
export function describeIpv6(ipv6: LabIpv6 | undefined): string | undefined {
  if (ipv6 === undefined) return undefined
  return typeof ipv6 === 'boolean' ? String(ipv6) : ipv6.join(', ')
}

function isHostPart(number: bigint): boolean {
  return number <= hostMask
}
