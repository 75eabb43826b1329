import { natDeviceOf, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { hasIpv6 } from './family.ts'
import { helperBridge } from './helper-bridge.ts'
import { dualStackInterfacesOf, privateAddressesOf } from './interface-address.ts'
import { usedNatGateways } from './routing-table.ts'
import { mtu } from './mtu.ts'
import { HelperEnded } from './namespace-broker.ts'
import type { QuickRunner } from './quick-runner.ts'
import { describeSubnet } from './subnet.ts'
import { type Namespace, runInside } from './namespace.ts'
import { resolverAddress } from '../ec2/ports/service-address.ts'
import { dnsAddress } from './resolver-address.ts'
import {
  hasIpv6Address,
  ipv6AddressBatch,
  ipv6TapBatch,
  lacksIpv6,
  ownIpv6Addresses,
  staleIpv6Routes,
} from './router-ipv6.ts'
import { readRouterState, type RouterState } from './router-state.ts'
import { metadataAddress } from './ruleset.ts'
import { timeAddress } from './service-address.ts'

/** The taps that could not be made, with why; the others work. */
export type TapProblems = ReadonlyMap<string, string>

/** Brings addresses, taps and routes to what the VPC shall have. One bad interface costs no other one anything. */
export async function convergeRouter(
  processes: ProcessHost,
  namespace: Namespace,
  vpc: VpcNetwork,
  runQuick: QuickRunner,
): Promise<TapProblems> {
  const batch = routerBatch(vpc, await prepareIpv6(processes, namespace, vpc))
  if (batch.length === 0) return new Map()
  let said = 'ip said nothing'
  try {
    // -force goes on after a command that failed; what came of it is read from the kernel.
    const input = `${batch.join('\n')}\n`
    const argv = ['ip', '-force', '-batch', '-']
    await runQuick(argv, input).catch(async (error: unknown) => {
      if (!(error instanceof HelperEnded)) throw error
      // What is there already fails, and is there.
      await runInside(processes, namespace, argv, input)
    })
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    said = error.stderrTail.replaceAll('\n', '; ')
  }
  const present = await readRouterState(namespace.holder.pid)
  const missing = wantedAddresses(vpc).filter(({ address }) => !present.localAddresses.has(address))
  const missingIpv6 = ownIpv6Addresses(vpc).filter((own) => !hasIpv6Address(present, own))
  if (missing.length + missingIpv6.length > 0 || !present.devices.has(helperBridge)) {
    throw new Error(`the router of ${vpc.id} could not be set up: ${said}`)
  }
  const dual = new Set(dualStackInterfacesOf(vpc))
  const failed = vpc.interfaces.filter(
    (candidate) =>
      privateAddressesOf(candidate).some((address) => present.routes.get(address) !== candidate.tapName) ||
      (dual.has(candidate) && lacksIpv6(candidate, present)),
  )
  return new Map(failed.map(({ id, tapName }) => [tapName, `the tap of ${id} could not be set up: ${said}`]))
}

/** Where IPv6 was turned off, and is wanted by now, it is turned on: until then the kernel takes no address. */
async function prepareIpv6(processes: ProcessHost, namespace: Namespace, vpc: VpcNetwork): Promise<RouterState> {
  const state = await readRouterState(namespace.holder.pid)
  // In a namespace that is new, where not even the loopback is up, it is on.
  const isOff = state.localAddresses.has('127.0.0.1') && !state.ipv6Addresses.has('lo')
  if (!hasIpv6(vpc) || !isOff) return state
  await enableRouting(processes, namespace, true)
  return await readRouterState(namespace.holder.pid)
}

/** The kernel's settings that make the namespace a router with proxy ARP. Safe to repeat. */
export async function enableRouting(processes: ProcessHost, namespace: Namespace, carriesIpv6: boolean): Promise<void> {
  const { devices } = await readRouterState(namespace.holder.pid)
  await runInside(processes, namespace, [
    'sysctl',
    // A device that has gone since is no failure.
    '-qew',
    'net.ipv4.ip_forward=1',
    // Each guest asks for its neighbours by ARP although all of them are behind this router.
    'net.ipv4.conf.all.proxy_arp=1',
    // Systemd's distributions have 2 for each device: what a guest carries for others comes from addresses without a route here.
    ...['all', 'default', ...devices].map((device) => `net.ipv4.conf.${device}.rp_filter=0`),
    ...(carriesIpv6
      ? [
          // Devices have the link-local addresses that they are given, or none.
          ...['all', 'default'].map((device) => `net.ipv6.conf.${device}.addr_gen_mode=1`),
          ...['all', 'default'].map((device) => `net.ipv6.conf.${device}.disable_ipv6=0`),
          'net.ipv6.conf.all.forwarding=1',
        ]
      : ['net.ipv6.conf.all.disable_ipv6=1']),
  ])
}

/** Lines for `ip -batch` that lead from a state to what a VPC shall have; none when that is in place. Pure. */
export function routerBatch(vpc: VpcNetwork, state: RouterState): string[] {
  const batch: string[] = []
  if (!state.localAddresses.has('127.0.0.1')) batch.push('link set lo up')
  const addresses = wantedAddresses(vpc)
  const isBridgeThere = state.devices.has(helperBridge)
  if (!isBridgeThere) batch.push(`link add ${helperBridge} type bridge`)
  // It has had its addresses only since it is up.
  if (
    !isBridgeThere ||
    addresses.some(({ address, device }) => device === helperBridge && !state.localAddresses.has(address))
  ) {
    if (hasIpv6(vpc)) batch.push(`link set ${helperBridge} addrgenmode none`)
    batch.push(`link set ${helperBridge} up`)
  }
  for (const { address, command } of addresses) if (!state.localAddresses.has(address)) batch.push(command)
  for (const address of state.localAddresses) {
    const isRouters = !/^(127|169\.254)\./.test(address)
    const isStale = isRouters && !addresses.some((wanted) => wanted.address === address)
    // A subnet's router is on the bridge, an endpoint on the loopback: one of the two lines finds it.
    if (isStale) batch.push(`addr del ${address} dev ${helperBridge}`, `addr del ${address}/32 dev lo`)
  }
  const { spareTaps = [] } = vpc
  for (const tapName of spareTaps) if (!state.devices.has(tapName)) batch.push(`tuntap add name ${tapName} mode tap`)
  const taps = new Set([...vpc.interfaces.map(({ tapName }) => tapName), ...spareTaps])
  for (const device of state.devices)
    if (device.startsWith('eni') && !taps.has(device)) batch.push(`link del ${device}`)
  batch.push(...ipv6AddressBatch(vpc, state))
  const owners = new Map(
    vpc.interfaces.flatMap((owner) => privateAddressesOf(owner).map((address) => [address, owner.tapName])),
  )
  for (const [address, device] of state.routes)
    if (taps.has(device) && owners.get(address) !== device) batch.push(`route del ${address}/32 dev ${device}`)
  batch.push(...staleIpv6Routes(vpc, state))
  const dual = new Set(dualStackInterfacesOf(vpc))
  const routers = new Map(vpc.subnets.map(({ id, cidr }) => [id, describeSubnet(cidr).router]))
  for (const networkInterface of vpc.interfaces) {
    const { tapName, subnetId } = networkInterface
    const missing = privateAddressesOf(networkInterface).filter((address) => state.routes.get(address) !== tapName)
    const ipv6Batch = dual.has(networkInterface) ? ipv6TapBatch(vpc, networkInterface, state) : []
    if (missing.length + ipv6Batch.length === 0) continue
    // A tap that is there may be QEMU's by now: it is not made again.
    if (!state.devices.has(tapName) && !spareTaps.includes(tapName)) batch.push(`tuntap add name ${tapName} mode tap`)
    const router = routers.get(subnetId)
    // Before it is up, when the kernel would give it a link-local address of its own.
    if (ipv6Batch.length > 0) batch.push(`link set ${tapName} addrgenmode none`)
    batch.push(
      `link set ${tapName} mtu ${mtu.vpc} up`,
      // Proxy ARP waits for up to 0.8 s by default, a courtesy to real hosts that might answer as well. A guest that is just coming up
      // is asked for its address every 0.1 s instead of every second: whoever waits for it is through at once.
      `ntable change name arp_cache dev ${tapName} proxy_delay 0 retrans 100`,
      // What the host sends to a guest comes from the subnet's router.
      ...missing.map(
        (address) => `route replace ${address}/32 dev ${tapName}${router === undefined ? '' : ` src ${router}`}`,
      ),
      ...ipv6Batch,
    )
  }
  for (const { id, privateIp, subnetId } of usedNatGateways(vpc)) {
    const device = natDeviceOf(id)
    if (!state.devices.has(device) || state.routes.get(privateIp) === device) continue
    const router = routers.get(subnetId)
    batch.push(`route replace ${privateIp}/32 dev ${device}${router === undefined ? '' : ` src ${router}`}`)
  }
  return batch
}

function wantedAddresses(vpc: VpcNetwork): { address: string; device: string; command: string }[] {
  const services = [metadataAddress, dnsAddress, timeAddress, resolverAddress(vpc.cidr)]
  return [
    ...[...services, ...(vpc.connectEndpoints ?? []).map(({ privateIp }) => privateIp)].map((address) => ({
      ...{ address, device: 'lo' },
      command: `addr replace ${address}/32 dev lo`,
    })),
    ...vpc.subnets.map(({ cidr }) => {
      const { router, prefixLength } = describeSubnet(cidr)
      // noprefixroute: the subnet is not on the bridge, each address is behind its tap.
      const command = `addr replace ${router}/${prefixLength} dev ${helperBridge} noprefixroute`
      return { address: router, device: helperBridge, command }
    }),
  ]
}
