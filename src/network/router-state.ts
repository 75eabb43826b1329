import { readFile } from 'node:fs/promises'
import ipaddr from 'ipaddr.js'

/** What a namespace's kernel has: the truth that a VPC is compared with, whoever made it and whatever crash came between. */
export interface RouterState {
  readonly devices: ReadonlySet<string>
  /** Devices by the address that a /32 route leads to. Only devices that are up have routes. */
  readonly routes: ReadonlyMap<string, string>
  readonly localAddresses: ReadonlySet<string>
  /** Taps by the IPv6 address that a /128 route leads to. */
  readonly ipv6Routes: ReadonlyMap<string, string>
  /** IPv6 addresses with their length (`fe80::1/64`) by device. None, not even the loopback's, where IPv6 is turned off. */
  readonly ipv6Addresses: ReadonlyMap<string, ReadonlySet<string>>
}

/** Reads what the network namespace of a process has; the kernel shows it to the process's owner outside, too. */
export async function readRouterState(pid: number): Promise<RouterState> {
  const read = async (name: string) => await readFile(`/proc/${pid}/net/${name}`, 'utf8')
  const readIpv6 = async (name: string) =>
    await read(name).catch((error: NodeJS.ErrnoException) => {
      // A kernel without IPv6 has no such files.
      if (error.code === 'ENOENT') return ''
      throw error
    })
  const [devices, routes, trie, ipv6Routes, ipv6Addresses] = await Promise.all([
    ...['dev', 'route', 'fib_trie'].map(read),
    ...['ipv6_route', 'if_inet6'].map(readIpv6),
  ])
  return parseRouterState({ devices, routes, trie, ipv6Routes, ipv6Addresses })
}

/** From the texts of /proc/PID/net/dev, route, fib_trie, ipv6_route and if_inet6. Pure. */
export function parseRouterState({
  devices = '',
  routes = '',
  trie = '',
  ipv6Routes = '',
  ipv6Addresses = '',
}: Readonly<
  Partial<Record<'devices' | 'routes' | 'trie' | 'ipv6Routes' | 'ipv6Addresses', string | undefined>>
>): RouterState {
  const localAddresses = new Set<string>()
  let address = ''
  for (const line of trie.split('\n')) {
    address = /\|-- (\S+)/.exec(line)?.[1] ?? address
    if (line.includes('/32 host LOCAL')) localAddresses.add(address)
  }
  return {
    devices: new Set([...devices.matchAll(/^\s*([^\s:]+):/gm)].map(([, name = '']) => name)),
    routes: new Map(
      // Iface Destination Gateway Flags RefCnt Use Metric Mask …, numbers in the byte order of this machine.
      [...routes.matchAll(/^(\S+)\t([0-9A-F]{8})(?:\t\S+){5}\tFFFFFFFF/gm)].map(([, device = '', hex = '']) => [
        [6, 4, 2, 0].map((index) => Number.parseInt(hex.slice(index, index + 2), 16)).join('.'),
        device,
      ]),
    ),
    localAddresses,
    ipv6Routes: new Map(
      // Destination, its length, source, its length, next hop, metric, references, uses, flags, device. What is local to this router (flag
      // RTF_LOCAL, 8…) is no way to a guest.
      [...ipv6Routes.matchAll(/^([0-9a-f]{32}) 80 0{32} 00 0{32} \S+ \S+ \S+ 0[0-9a-f]{7}\s+(eni\S+)$/gm)].map(
        ([, hex = '', device = '']) => [ipv6OfHex(hex), device],
      ),
    ),
    ipv6Addresses: parseIpv6Addresses(ipv6Addresses),
  }
}

/** Address, index of the device, length, scope, flags, device. */
function parseIpv6Addresses(text: string): Map<string, Set<string>> {
  const addresses = new Map<string, Set<string>>()
  for (const [, hex = '', length = '', device = ''] of text.matchAll(
    /^([0-9a-f]{32}) \S+ ([0-9a-f]{2}) \S+ \S+\s+(\S+)$/gm,
  )) {
    const address = `${ipv6OfHex(hex)}/${Number.parseInt(length, 16)}`
    addresses.set(device, (addresses.get(device) ?? new Set()).add(address))
  }
  return addresses
}

/** The canonical form (RFC 5952) of 32 hexadecimal digits. */
function ipv6OfHex(hex: string): string {
  return ipaddr.IPv6.parse((hex.match(/.{4}/g) ?? []).join(':')).toRFC5952String()
}
