import { existsSync, readFileSync } from 'node:fs'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { ClosedNetworks } from '../ec2/ports/network.ts'
import { hostIpv6Address } from './host-device.ts'

/** What of the host's own network the VPCs depend on; it changes when a laptop moves or a VPN comes up. */
export interface HostFacts {
  /** The host's own addresses but for loopback and link-local ones, and that of routed mode's wires. */
  readonly addresses: readonly string[]
  /** The blocks of the networks that the host is directly connected to: its addresses lie in them, and none lies in another. */
  readonly networks: readonly string[]
  /** Whether its kernel has IPv6 at all: what is turned off by sysctl can be had in a namespace. */
  readonly hasIpv6: boolean
  /** Whether it has a way out for IPv6. */
  readonly hasIpv6Route: boolean
}

/** Looks at the host as it is now. */
export function readHostFacts(): HostFacts {
  const hasIpv6 = existsSync('/proc/net/if_inet6')
  const hasIpv6Route = hasIpv6 && hasDefaultIpv6Route(readFileSync('/proc/net/ipv6_route', 'utf8'))
  return { ...hostAddressesOf(networkInterfaces()), hasIpv6, hasIpv6Route }
}

/** What guests do not reach by the way out: the host, and its LAN unless its configuration lets them. Pure. */
export function closedNetworksOf({ addresses, networks }: HostFacts, reachesLan: boolean): ClosedNetworks {
  return { hostAddresses: addresses, lanBlocks: reachesLan ? [] : networks }
}

/** The blocks that this comes to, none in another. Pure. */
export function closedBlocksOf({ hostAddresses, lanBlocks }: ClosedNetworks): readonly string[] {
  return lanBlocks.length > 0 ? lanBlocks : hostAddresses
}

/** From /proc/net/ipv6_route: destination and its length first, the device last; what leads nowhere is the loopback's. Pure. */
export function hasDefaultIpv6Route(routes: string): boolean {
  return /^0{32} 00 .*\s(?!lo$)\S+$/m.test(routes)
}

/** From what os.networkInterfaces() tells. Pure. */
export function hostAddressesOf(
  interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>,
): Pick<HostFacts, 'addresses' | 'networks'> {
  const outward = Object.values(interfaces)
    .flatMap((entries) => entries ?? [])
    .filter(({ address, internal }) => !internal && ipaddr.parse(address).range() !== 'linkLocal')
    .filter(({ address }) => address !== hostIpv6Address)
  const addresses = outward.map(({ address }) => address)
  const networks = outward.map(({ address, family, cidr }) =>
    networkOf(cidr ?? `${address}/${family === 'IPv4' ? 32 : 128}`),
  )
  return { addresses: [...new Set(addresses)].sort(), networks: withoutContained([...new Set(networks)].sort()) }
}

function networkOf(cidr: string): string {
  const [address, prefixLength] = ipaddr.parseCIDR(cidr)
  const version = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return `${version.networkAddressFromCIDR(cidr).toString()}/${prefixLength}`
}

function withoutContained(networks: readonly string[]): string[] {
  const blocks = networks.map((text) => ({ text, block: ipaddr.parseCIDR(text) }))
  type Block = (typeof blocks)[number]['block']
  const holds = ([outer, length]: Block, [inner, innerLength]: Block) =>
    length < innerLength && inner.kind() === outer.kind() && inner.match(outer, length)
  return blocks.filter(({ block }) => !blocks.some((other) => holds(other.block, block))).map(({ text }) => text)
}
