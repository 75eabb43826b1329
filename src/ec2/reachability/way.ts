import type { RouteTarget } from '../ports/route.ts'
import type {
  InterfaceNetwork,
  NatGatewayNetwork,
  PeeringNetwork,
  SubnetNetwork,
  VpcNetwork,
} from '../ports/vpc-network.ts'
import { findRoute } from '../route-table/find-route.ts'
import { addressesOfInterface, hasAddress } from './packet.ts'

/** Where a packet is. */
export type Place =
  | { readonly kind: 'interface'; readonly owner: InterfaceNetwork; readonly subnetId: string }
  | { readonly kind: 'nat-gateway'; readonly gateway: NatGatewayNetwork; readonly subnetId: string }
  /** On the wire to a peer, or coming from it. */
  | { readonly kind: 'peer'; readonly peering: PeeringNetwork }
  | { readonly kind: 'outside' }

/** Where a subnet's routes lead a packet. */
export interface Way {
  readonly destination?: string
  readonly target?: RouteTarget | { readonly kind: 'local' }
  /** Absent: nowhere. */
  readonly next?: Place
}

/** No unicast address that anybody outside has. */
const unroutable = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/127', 'fe80::/10', 'ff00::/8'],
]

export function placeOfInterface(owner: InterfaceNetwork): Place & { readonly kind: 'interface' } {
  return { kind: 'interface', owner, subnetId: owner.subnetId }
}

/** The interface with an address of the VPC. Pure. */
export function findOwner(vpc: VpcNetwork, address: string): (Place & { readonly kind: 'interface' }) | undefined {
  const owner = vpc.interfaces.find((candidate) => addressesOfInterface(candidate).includes(address))
  return owner && placeOfInterface(owner)
}

/** The blocks that are local to a VPC, of either family. Pure. */
export function localBlocksOf({ cidr, secondaryCidrs, ipv6Cidrs = [] }: VpcNetwork): string[] {
  return [cidr, ...secondaryCidrs, ...ipv6Cidrs]
}

/** The most specific route counts, the local ones included, as in src/network/routing-table.ts. Pure. */
export function findWay(vpc: VpcNetwork, subnetId: string, address: string, isAnswer: boolean): Way {
  const subnet = vpc.subnets.find(({ id }) => id === subnetId)
  const route = findRoute(waysOf(vpc, subnet), address)
  if (!route) return {}
  const { destination, target } = route
  // The host asks from its own loopback, and is answered by the connection that it has.
  const isNobodys = !isAnswer && unroutable.some((block) => hasAddress(block, address))
  const next = isNobodys ? undefined : nextPlace(vpc, target, address)
  return { destination, target, ...(next ? { next } : {}) }
}

function waysOf(
  vpc: VpcNetwork,
  subnet: SubnetNetwork | undefined,
): { destination: string; target: NonNullable<Way['target']> }[] {
  const blocks = localBlocksOf(vpc)
  // Between two guests of a subnet there is no router, whatever its table says.
  const own = new Set([...blocks, subnet?.cidr, subnet?.ipv6Cidr])
  const local = blocks.map((destination) => ({ destination, target: { kind: 'local' as const } }))
  return [...local, ...(subnet?.routes ?? []).filter(({ destination }) => !own.has(destination))]
}

function nextPlace(vpc: VpcNetwork, target: NonNullable<Way['target']>, address: string): Place | undefined {
  switch (target.kind) {
    case 'local':
      return findOwner(vpc, address)
    case 'interface': {
      const owner = vpc.interfaces.find(({ id }) => id === target.interfaceId)
      return owner && placeOfInterface(owner)
    }
    case 'nat': {
      const gateway = vpc.natGateways.find(({ id }) => id === target.natGatewayId)
      return gateway && { kind: 'nat-gateway', gateway, subnetId: gateway.subnetId }
    }
    case 'peering': {
      const peering = vpc.peerings.find(({ id }) => id === target.peeringConnectionId)
      return peering && { kind: 'peer', peering }
    }
    case 'internet':
    case 'egress-only':
      return { kind: 'outside' }
    default:
      return undefined
  }
}
