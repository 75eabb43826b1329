import { canonicalBlock, containsCidr } from '../cidr.ts'
import { carriesPackets } from '../nat-gateway/nat-gateway.ts'
import type { RouteNetwork, RouteTarget } from '../ports/route.ts'
import type { Store } from '../ports/store.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import { localCidrsOf } from '../vpc/vpc.ts'
import { isByPrefixList, type Route, type RouteTableRecord, tableOfSubnet } from './route-table.ts'

/** Where a route leads now: what it leads to may have been detached, stopped or deleted since, and then it is a blackhole. */
export function targetOf(store: Store, { vpcId }: RouteTableRecord, route: Route): RouteTarget {
  const { gatewayId, natGatewayId, interfaceId, vpcPeeringConnectionId, egressOnlyGatewayId } = route
  if (gatewayId !== undefined && store.internetGateways.find(gatewayId)?.vpcId === vpcId) return { kind: 'internet' }
  if (natGatewayId !== undefined && carriesPackets(store.natGateways.find(natGatewayId))) {
    return { kind: 'nat', natGatewayId }
  }
  if (interfaceId !== undefined && hasRunningInstance(store, interfaceId)) return { kind: 'interface', interfaceId }
  if (vpcPeeringConnectionId !== undefined && store.peerings.find(vpcPeeringConnectionId)?.state === 'active') {
    return { kind: 'peering', peeringConnectionId: vpcPeeringConnectionId }
  }
  if (egressOnlyGatewayId !== undefined && store.egressOnlyGateways.find(egressOnlyGatewayId)?.vpcId === vpcId) {
    return { kind: 'egress-only' }
  }
  return { kind: 'blackhole' }
}

/** The routes that hold for a subnet, the local ones left out. Of two for one block the one that names it itself comes before a list's. */
export function routesOfSubnet(
  store: Store,
  tables: readonly RouteTableRecord[],
  { id }: SubnetRecord,
): RouteNetwork[] {
  const table = tableOfSubnet(tables, id)
  if (!table) return []
  const routes = new Map<string, RouteNetwork>()
  for (const route of table.routes.toSorted(
    (one, other) => Number(isByPrefixList(one)) - Number(isByPrefixList(other)),
  )) {
    const target = targetOf(store, table, route)
    for (const destination of destinationsOf(store, table, route)) {
      if (!routes.has(destination)) routes.set(destination, { destination, target })
    }
  }
  return [...routes.values()]
}

/** A list's entries that lie in the VPC have no effect: only a route that names a subnet's very block leads aside from the local ones. */
function destinationsOf(store: Store, { vpcId }: RouteTableRecord, route: Route): string[] {
  if (!isByPrefixList(route)) return [route.destination]
  const vpc = store.vpcs.find(vpcId)
  const local = vpc ? localCidrsOf(vpc) : []
  const entries = store.prefixLists.find(route.destination)?.entries ?? []
  return entries
    .flatMap(({ cidr }) => canonicalBlock(cidr) ?? [])
    .filter((cidr) => !local.some((own) => containsCidr(own, cidr)))
}

function hasRunningInstance(store: Store, interfaceId: string): boolean {
  const attachment = store.interfaces.find(interfaceId)?.attachment
  const state = attachment && store.instances.find(attachment.instanceId)?.state
  return state === 'running' || state === 'pending'
}
