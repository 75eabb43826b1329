import ipaddr from 'ipaddr.js'

/** A block of IPv6 addresses, its first one as a number. */
export interface Ipv6Block {
  readonly base: bigint
  readonly prefixLength: number
}

const addressBits = 128

/** A block from `a:b::/n`, its host bits cleared; undefined for what is none. */
export function parseIpv6Block(text: string): Ipv6Block | undefined {
  const [address = '', length = ''] = text.split('/')
  const number = numberOfIpv6(address)
  if (number === undefined || !/^\d{1,3}$/.test(length) || Number(length) > addressBits) return undefined
  const hostBits = BigInt(addressBits - Number(length))
  return { base: (number >> hostBits) << hostBits, prefixLength: Number(length) }
}

/** A block in its canonical form. */
export function formatIpv6Block({ base, prefixLength }: Ipv6Block): string {
  return `${ipv6OfNumber(base)}/${prefixLength}`
}

/** Whether all of the inner block lies in the outer one. */
export function containsIpv6Block(outer: Ipv6Block, inner: Ipv6Block): boolean {
  const hostBits = BigInt(addressBits - outer.prefixLength)
  return inner.prefixLength >= outer.prefixLength && inner.base >> hostBits === outer.base >> hostBits
}

export function overlapsIpv6Block(a: Ipv6Block, b: Ipv6Block): boolean {
  return containsIpv6Block(a, b) || containsIpv6Block(b, a)
}

/** An address in its canonical form (RFC 5952); undefined for what is none, or has a zone or an embedded IPv4 address. */
export function canonicalIpv6(text: string): string | undefined {
  const number = numberOfIpv6(text)
  return number === undefined ? undefined : ipv6OfNumber(number)
}

export function numberOfIpv6(address: string): bigint | undefined {
  if (!/^[0-9a-fA-F:]+$/.test(address) || !ipaddr.IPv6.isValid(address)) return undefined
  return ipaddr.IPv6.parse(address).parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n)
}

/** The canonical form (RFC 5952). */
export function ipv6OfNumber(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(16 * (7 - index))) & 0xffffn))
  return new ipaddr.IPv6(parts).toRFC5952String()
}
