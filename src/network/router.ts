import { readFile } from 'node:fs/promises'
import type { VpcNetwork } from '../ec2/ports/network.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { privateAddressesOf } from './interface-address.ts'
import { describeSubnet } from './subnet.ts'
import { type Namespace, runInside } from './namespace.ts'
import { dnsAddress, metadataAddress, resolverAddress } from './ruleset.ts'

/** The unnumbered bridge that lends dnsmasq the routers' addresses; it never carries a frame. */
export const helperBridge = 'dhcp0'

/** What a namespace's kernel has: the truth that a VPC is compared with, whoever made it and whatever crash came between. */
export interface RouterState {
  readonly devices: ReadonlySet<string>
  /** Devices by the address that a /32 route leads to. Only devices that are up have routes. */
  readonly routes: ReadonlyMap<string, string>
  readonly localAddresses: ReadonlySet<string>
}

/** The taps that could not be made, with why; the others work. */
export type TapProblems = ReadonlyMap<string, string>

/** Brings addresses, taps and routes to what the VPC shall have. One bad interface costs no other one anything. */
export async function convergeRouter(
  processes: ProcessHost,
  namespace: Namespace,
  vpc: VpcNetwork,
): Promise<TapProblems> {
  const batch = routerBatch(vpc, await readRouterState(namespace.holder.pid))
  if (batch.length === 0) return new Map()
  let said = 'ip said nothing'
  try {
    // -force goes on after a command that failed; what came of it is read from the kernel.
    await runInside(processes, namespace, ['ip', '-force', '-batch', '-'], `${batch.join('\n')}\n`)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    said = error.stderrTail.replaceAll('\n', '; ')
  }
  const present = await readRouterState(namespace.holder.pid)
  const missing = wantedAddresses(vpc).filter(({ address }) => !present.localAddresses.has(address))
  if (missing.length > 0 || !present.devices.has(helperBridge)) {
    throw new Error(`the router of ${vpc.id} could not be set up: ${said}`)
  }
  const failed = vpc.interfaces.filter((candidate) =>
    privateAddressesOf(candidate).some((address) => present.routes.get(address) !== candidate.tapName),
  )
  return new Map(failed.map(({ id, tapName }) => [tapName, `the tap of ${id} could not be set up: ${said}`]))
}

/** The kernel's settings that make the namespace a router with proxy ARP. Safe to repeat. */
export async function enableRouting(processes: ProcessHost, namespace: Namespace): Promise<void> {
  await runInside(processes, namespace, [
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    // Each guest asks for its neighbours by ARP although all of them are behind this router.
    'net.ipv4.conf.all.proxy_arp=1',
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv6.conf.all.disable_ipv6=1',
  ])
}

/** Reads what the network namespace of a process has; the kernel shows it to the process's owner outside, too. */
export async function readRouterState(pid: number): Promise<RouterState> {
  const [devices, routes, trie] = await Promise.all(
    ['dev', 'route', 'fib_trie'].map(async (name) => await readFile(`/proc/${pid}/net/${name}`, 'utf8')),
  )
  return parseRouterState(devices ?? '', routes ?? '', trie ?? '')
}

/** From the texts of /proc/PID/net/dev, route and fib_trie. Pure. */
export function parseRouterState(devices: string, routes: string, trie: string): RouterState {
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
  }
}

/** Lines for `ip -batch` that lead from a state to what a VPC shall have; none when that is in place. Pure. */
export function routerBatch(vpc: VpcNetwork, state: RouterState): string[] {
  const batch: string[] = []
  if (!state.localAddresses.has('127.0.0.1')) batch.push('link set lo up')
  if (!state.devices.has(helperBridge)) {
    batch.push(`link add ${helperBridge} type bridge`, `link set ${helperBridge} up`)
  }
  const addresses = wantedAddresses(vpc)
  for (const { address, command } of addresses) if (!state.localAddresses.has(address)) batch.push(command)
  for (const address of state.localAddresses) {
    const isRouters = !/^(127|169\.254)\./.test(address)
    const isStale = isRouters && !addresses.some((wanted) => wanted.address === address)
    if (isStale) batch.push(`addr del ${address} dev ${helperBridge}`)
  }
  const taps = new Set(vpc.interfaces.map(({ tapName }) => tapName))
  for (const device of state.devices)
    if (device.startsWith('eni') && !taps.has(device)) batch.push(`link del ${device}`)
  const owners = new Map(
    vpc.interfaces.flatMap((owner) => privateAddressesOf(owner).map((address) => [address, owner.tapName])),
  )
  for (const [address, device] of state.routes)
    if (taps.has(device) && owners.get(address) !== device) batch.push(`route del ${address}/32 dev ${device}`)
  const routers = new Map(vpc.subnets.map(({ id, cidr }) => [id, describeSubnet(cidr).router]))
  for (const networkInterface of vpc.interfaces) {
    const { tapName, subnetId } = networkInterface
    const missing = privateAddressesOf(networkInterface).filter((address) => state.routes.get(address) !== tapName)
    if (missing.length === 0) continue
    // A tap that is there may be QEMU's by now: it is not made again.
    if (!state.devices.has(tapName)) batch.push(`tuntap add name ${tapName} mode tap`)
    const router = routers.get(subnetId)
    batch.push(
      `link set ${tapName} up`,
      // Proxy ARP waits for up to 0.8 s by default, a courtesy to real hosts that might answer as well. A guest that is just coming up
      // is asked for its address every 0.1 s instead of every second: whoever waits for it is through at once.
      `ntable change name arp_cache dev ${tapName} proxy_delay 0 retrans 100`,
      // What the host sends to a guest comes from the subnet's router.
      ...missing.map(
        (address) => `route replace ${address}/32 dev ${tapName}${router === undefined ? '' : ` src ${router}`}`,
      ),
    )
  }
  return batch
}

function wantedAddresses(vpc: VpcNetwork): { address: string; command: string }[] {
  const services = [metadataAddress, dnsAddress, resolverAddress(vpc.cidr)]
  return [
    ...services.map((address) => ({ address, command: `addr replace ${address}/32 dev lo` })),
    ...vpc.subnets.map(({ cidr }) => {
      const { router, prefixLength } = describeSubnet(cidr)
      // noprefixroute: the subnet is not on the bridge, each address is behind its tap.
      const command = `addr replace ${router}/${prefixLength} dev ${helperBridge} noprefixroute`
      return { address: router, command }
    }),
  ]
}
