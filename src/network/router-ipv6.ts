import ipaddr from 'ipaddr.js'
import type { InterfaceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { hasIpv6 } from './family.ts'
import { helperBridge } from './helper-bridge.ts'
import { dualStackInterfacesOf, ipv6AddressesOf } from './interface-address.ts'
import type { RouterState } from './router-state.ts'
import { dnsIpv6Address, metadataIpv6Address, routerIpv6Address, timeIpv6Address } from './service-address.ts'

/** Of each tap with IPv6, and of the bridge. */
const linkLocalRouter = `${routerIpv6Address}/64`
/** The bridge's address in the block that router advertisements are made from (dnsmasq.ts). */
const advertisedAddress = 'fd00:ec2::1/64'

/** An IPv6 address of the router's own. */
export interface OwnIpv6Address {
  readonly device: string
  /** With its length. */
  readonly address: string
  readonly options?: string
}

/** The router's own addresses besides those of the taps; none where the VPC has no IPv6. Pure. */
export function ownIpv6Addresses(vpc: VpcNetwork): OwnIpv6Address[] {
  if (!hasIpv6(vpc)) return []
  const routers = vpc.subnets.flatMap(({ ipv6Cidr }) => (ipv6Cidr === undefined ? [] : [firstIpv6AddressOf(ipv6Cidr)]))
  const endpoints = (vpc.connectEndpoints ?? []).flatMap(ipv6AddressesOf)
  return [
    ...[metadataIpv6Address, dnsIpv6Address, timeIpv6Address, ...routers, ...endpoints].map((address) => ({
      device: 'lo',
      address: `${address}/128`,
    })),
    { device: helperBridge, address: linkLocalRouter },
    { device: helperBridge, address: advertisedAddress, options: ' noprefixroute' },
  ]
}

/** Lines that bring the router's IPv6 addresses to what is wanted. Here taps only lose what they shall not have. Pure. */
export function ipv6AddressBatch(vpc: VpcNetwork, state: RouterState): string[] {
  if (!hasIpv6(vpc)) return []
  const wanted = [
    ...ownIpv6Addresses(vpc),
    ...dualStackInterfacesOf(vpc).map(({ tapName }) => ({ device: tapName, address: linkLocalRouter })),
  ]
  const isWanted = (device: string, address: string) =>
    address === '::1/128' || wanted.some((other) => other.device === device && other.address === address)
  const devices = ['lo', helperBridge, ...vpc.interfaces.map(({ tapName }) => tapName)]
  return [
    ...ownIpv6Addresses(vpc)
      .filter((own) => !hasIpv6Address(state, own))
      // Nobody else can have them, so nobody is asked.
      .map(({ device, address, options = '' }) => `addr replace ${address} dev ${device} nodad${options}`),
    ...devices.flatMap((device) =>
      [...(state.ipv6Addresses.get(device) ?? [])]
        .filter((address) => !isWanted(device, address))
        .map((address) => `addr del ${address} dev ${device}`),
    ),
  ]
}

/** Lines that take away the ways to addresses that a guest has no longer. Pure. */
export function staleIpv6Routes(vpc: VpcNetwork, state: RouterState): string[] {
  const taps = new Set(vpc.interfaces.map(({ tapName }) => tapName))
  const owners = new Map(
    dualStackInterfacesOf(vpc).flatMap((owner) => ipv6AddressesOf(owner).map((address) => [address, owner.tapName])),
  )
  return [...state.ipv6Routes].flatMap(([address, device]) =>
    taps.has(device) && owners.get(address) !== device ? [`route del ${address}/128 dev ${device}`] : [],
  )
}

/** What the tap of a guest with IPv6 lacks. Pure. */
export function ipv6TapBatch(vpc: VpcNetwork, networkInterface: InterfaceNetwork, state: RouterState): string[] {
  if (!lacksIpv6(networkInterface, state)) return []
  const { tapName, subnetId } = networkInterface
  const block = vpc.subnets.find(({ id }) => id === subnetId)?.ipv6Cidr
  const source = block === undefined ? '' : ` src ${firstIpv6AddressOf(block)}`
  return [
    `addr replace ${linkLocalRouter} dev ${tapName} nodad`,
    `ntable change name ndisc_cache dev ${tapName} retrans 100`,
    ...ipv6AddressesOf(networkInterface)
      .filter((address) => state.ipv6Routes.get(address) !== tapName)
      .map((address) => `route replace ${address}/128 dev ${tapName}${source}`),
  ]
}

/** Whether a guest with IPv6 has not all that it shall have of it. Pure. */
export function lacksIpv6(networkInterface: InterfaceNetwork, state: RouterState): boolean {
  const device = networkInterface.tapName
  return (
    !hasIpv6Address(state, { device, address: linkLocalRouter }) ||
    ipv6AddressesOf(networkInterface).some((address) => state.ipv6Routes.get(address) !== device)
  )
}

/** Whether the kernel has it. Pure. */
export function hasIpv6Address(state: RouterState, { device, address }: OwnIpv6Address): boolean {
  return state.ipv6Addresses.get(device)?.has(address) ?? false
}

/** The first address after a block's own: EC2 reserves it. */
function firstIpv6AddressOf(cidr: string): string {
  const [network = '::'] = cidr.split('/')
  const parts = [...ipaddr.IPv6.parse(network).parts]
  return new ipaddr.IPv6([...parts.slice(0, 7), (parts[7] ?? 0) + 1]).toRFC5952String()
}
