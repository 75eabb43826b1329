import ipaddr from 'ipaddr.js'

/** A block of IPv4 addresses, its first one as a number. */
export interface Ipv4Block {
  readonly base: number
  readonly prefixLength: number
}

/** A block from `a.b.c.d/n`, its host bits cleared; undefined for what is none. */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(text) || !ipaddr.IPv4.isValidCIDR(text)) return undefined
  const [address = '', length] = text.split('/')
  if (!isIpv4Address(address)) return undefined
  return {
    base: numberOfIpv4(ipaddr.IPv4.networkAddressFromCIDR(text).toString()),
    prefixLength: Number(length),
  }
}

/** A block in its canonical form. */
export function formatIpv4Block({ base, prefixLength }: Ipv4Block): string {
  return `${ipv4OfNumber(base)}/${prefixLength}`
}

export function sizeOfBlock({ prefixLength }: Ipv4Block): number {
  return 2 ** (32 - prefixLength)
}

/** Whether all of the inner block lies in the outer one. */
export function containsBlock(outer: Ipv4Block, inner: Ipv4Block): boolean {
  return outer.base <= inner.base && inner.base + sizeOfBlock(inner) <= outer.base + sizeOfBlock(outer)
}

export function overlapsBlock(a: Ipv4Block, b: Ipv4Block): boolean {
  return a.base < b.base + sizeOfBlock(b) && b.base < a.base + sizeOfBlock(a)
}

/** Whether a text is four numbers and dots, without leading zeros that some read as octal. */
export function isIpv4Address(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text)
}

export function numberOfIpv4(address: string): number {
  return ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

export function ipv4OfNumber(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
