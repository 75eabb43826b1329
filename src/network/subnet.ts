/** What a subnet's guests are told of it by DHCP. */
export interface SubnetDescription {
  readonly network: string
  readonly netmask: string
  /** The first address after the network's own. */
  readonly router: string
  readonly prefixLength: number
}

/** Reads a subnet's CIDR block. Pure. */
export function describeSubnet(cidr: string): SubnetDescription {
  const [network = '', length = '0'] = cidr.split('/')
  const prefixLength = Number(length)
  const mask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0
  const octets = network.split('.').map(Number)
  octets[3] = (octets[3] ?? 0) + 1
  const netmask = [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
  return { network, netmask, router: octets.join('.'), prefixLength }
}
