import { createHash } from 'node:crypto'
import type { RouteNetwork, RouteTarget } from '../ec2/ports/route.ts'
import { natDeviceOf, type SubnetNetwork, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { blocksOf, type Family, familiesOf, familyOf, hasIpv6, ipv4, ipv6 } from './family.ts'
import { ipv6AddressesOf } from './interface-address.ts'
import { peeringDeviceOf } from './peering-device.ts'

/**
 * A routing table of the kernel's, for all subnets whose packets go the same ways. Its number says what is in it: a table never changes,
 * another one takes its place, so that no packet meets a half of it.
 */
export interface RoutingTable {
  /** Its number, and the mark of the packets that it is for. */
  readonly id: number
  /** Each as `ip route` takes it, the table left out. */
  readonly routes: readonly string[]
  /** Those of IPv6, in a table of the same number; absent where the VPC carries none. */
  readonly ipv6Routes?: readonly string[]
}

/** Which packets which routing table is for. */
export interface Routing {
  readonly tables: readonly RoutingTable[]
  /** The number of a table by the device that packets come from. Other packets go by the namespace's main table. */
  readonly marks: ReadonlyMap<string, number>
}

/**
 * After a table's own routes and before the namespace's main table, where blackholes wait for next hops that vanish. A route of IPv6
 * without a metric has 1024.
 */
function lastResort(family: Family): string {
  return `metric ${family === ipv4 ? 1000 : 2000}`
}

/**
 * The routing tables of a VPC. The main table has a host route to each guest and pasta's way out; `throw` leads on to it. A subnet whose
 * only way is an internet gateway, or none, needs no table: the firewall knows who may use pasta. Pure.
 */
export function routingOf(vpc: VpcNetwork): Routing {
  const devices = devicesBySubnet(vpc)
  const tables = new Map<string, RoutingTable>()
  const marks = new Map<string, number>()
  for (const subnet of vpc.subnets) {
    const senders = devices.get(subnet.id) ?? []
    if (senders.length === 0 || isServedByMainTable(vpc, subnet)) continue
    const content = {
      routes: routesOf(vpc, subnet, ipv4),
      ...(hasIpv6(vpc) ? { ipv6Routes: routesOf(vpc, subnet, ipv6) } : {}),
    }
    const key = [...content.routes, ...(content.ipv6Routes ?? [])].join('\n')
    const table = tables.get(key) ?? { id: numberOf(key, [...tables.values()]), ...content }
    tables.set(key, table)
    for (const device of senders) marks.set(device, table.id)
  }
  return { tables: [...tables.values()], marks }
}

/** The NAT gateways that some subnet's routes lead to: the others need not be there. Pure. */
export function usedNatGateways({ subnets, natGateways }: VpcNetwork): VpcNetwork['natGateways'] {
  const used = new Set(
    subnets.flatMap(({ routes }) =>
      routes.flatMap(({ target }) => (target.kind === 'nat' ? [target.natGatewayId] : [])),
    ),
  )
  return natGateways.filter(({ id }) => used.has(id))
}

/** Devices of the namespace that packets of a subnet come from, guests' taps and NAT gateways. Pure. */
export function devicesBySubnet(vpc: VpcNetwork): Map<string, string[]> {
  const devices = new Map<string, string[]>()
  const add = (subnetId: string, device: string) => devices.set(subnetId, [...(devices.get(subnetId) ?? []), device])
  for (const { subnetId, tapName } of vpc.interfaces) add(subnetId, tapName)
  for (const { subnetId, id } of usedNatGateways(vpc)) add(subnetId, natDeviceOf(id))
  return devices
}

/** Whether packets may come to an interface that are not for it. Pure. */
export function hasInterfaceRoutes({ subnets }: VpcNetwork): boolean {
  return subnets.some(({ routes }) => routes.some(({ target }) => target.kind === 'interface'))
}

function isServedByMainTable(vpc: VpcNetwork, { routes }: SubnetNetwork): boolean {
  return routes
    .filter(({ destination }) => familiesOf(vpc).includes(familyOf(destination)))
    .every(({ destination, target }) => destination === familyOf(destination).anywhere && leadsOut(target))
}

/** By pasta, which is in the main table. */
function leadsOut({ kind }: RouteTarget): boolean {
  return kind === 'internet' || kind === 'egress-only'
}

function routesOf(vpc: VpcNetwork, subnet: SubnetNetwork, family: Family): string[] {
  const local = blocksOf(vpc, family)
  // Between two guests of a subnet there is no router, whatever its table says.
  const own = new Set([...local, subnet.cidr, subnet.ipv6Cidr])
  const routes = subnet.routes.filter(({ destination }) => familyOf(destination) === family && !own.has(destination))
  const hasDefault = routes.some(({ destination }) => destination === family.anywhere)
  return [
    ...local.map((cidr) => `throw ${inIpForm(cidr)}`),
    ...routes.flatMap((route) => routeLines(vpc, route)),
    ...(hasDefault ? [] : [`blackhole default ${lastResort(family)}`]),
  ]
}

/** A next hop's route goes with its device: the blackhole that stands behind it keeps its packets from another way. */
function routeLines(vpc: VpcNetwork, { destination, target }: RouteNetwork): string[] {
  const block = inIpForm(destination)
  if (leadsOut(target)) return [`throw ${block}`]
  const family = familyOf(destination)
  const hop = nextHopOf(vpc, target, family)
  return [...(hop === undefined ? [] : [`${block} ${hop}`]), `blackhole ${block} ${lastResort(family)}`]
}

function nextHopOf(vpc: VpcNetwork, target: RouteTarget, family: Family): string | undefined {
  switch (target.kind) {
    case 'interface': {
      const found = vpc.interfaces.find(({ id }) => id === target.interfaceId)
      const [address] = found === undefined ? [] : family === ipv4 ? [found.privateIp] : ipv6AddressesOf(found)
      return found && address && `via ${address} dev ${found.tapName} onlink`
    }
    case 'nat': {
      const found = family === ipv4 && vpc.natGateways.find(({ id }) => id === target.natGatewayId)
      return found ? `via ${found.privateIp} dev ${natDeviceOf(found.id)} onlink` : undefined
    }
    case 'peering': {
      const found = vpc.peerings.find(({ id }) => id === target.peeringConnectionId)
      return found && `dev ${peeringDeviceOf(found.id)}`
    }
    default:
      return undefined
  }
}

/** `ip` says `default`, and the address alone of a single one. */
function inIpForm(cidr: string): string {
  const { anywhere } = familyOf(cidr)
  return cidr === anywhere ? 'default' : cidr.replace(anywhere === ipv4.anywhere ? /\/32$/ : /\/128$/, '')
}

/** Far from the kernel's own tables and from the bits of the mark that the firewall and the counting of flows use (flow-table.ts). */
function numberOf(content: string, others: readonly RoutingTable[]): number {
  const hash = createHash('sha256').update(content).digest().readUInt32BE() & 0x00ff_ffff
  let id = 0x1000_0000 + hash
  while (others.some((other) => other.id === id)) id++
  return id
}
