import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { RouteTarget } from '../ports/route.ts'
import type { Store } from '../ports/store.ts'
import { findRoute } from '../route-table/find-route.ts'
import { routesOfSubnet } from '../route-table/subnet-routes.ts'
import { localCidrsOf } from '../vpc/vpc.ts'
import type { LoggedInterface } from './flow-record.ts'

/** `traffic-path` of "Available fields"; what stays in the VPC, or goes by another resource of it, is 1. */
const pathNumbers: Readonly<Partial<Record<RouteTarget['kind'] | 'local', number>>> = {
  local: 1,
  nat: 1,
  interface: 1,
  internet: 8,
  'egress-only': 8,
}
/** By a peering connection within a region, and to another one. */
const peeringNumbers = { inRegion: 4, acrossRegions: 5 } as const

/** What records say of an interface. */
export function readLoggedInterface(store: Store, record: InterfaceRecord): LoggedInterface {
  const { id, accountId, region, vpcId, subnetId, privateIp, ipv6Addresses = [], attachment } = record
  const subnet = store.subnets.find(subnetId)
  const vpc = store.vpcs.find(vpcId)
  const local = (vpc ? localCidrsOf(vpc) : []).map((destination) => ({
    destination,
    target: { kind: 'local' as const },
  }))
  const routes = subnet ? routesOfSubnet(store, store.routeTables.listBy('vpcId', vpcId), subnet) : []
  const ways = [...local, ...routes]
  return {
    id,
    accountId,
    region,
    vpcId,
    subnetId,
    zoneId: subnet?.availabilityZoneId ?? '-',
    ...(attachment ? { instanceId: attachment.instanceId } : {}),
    privateIp,
    ipv6Addresses,
    pathTo: (address) => {
      const way = findRoute(ways, address)
      return way && pathNumberOf(store, way.target)
    },
  }
}

function pathNumberOf(store: Store, target: RouteTarget | { readonly kind: 'local' }): number | undefined {
  if (target.kind !== 'peering') return pathNumbers[target.kind]
  const peering = store.peerings.find(target.peeringConnectionId)
  if (!peering) return undefined
  return peering.requester.region === peering.accepter.region ? peeringNumbers.inRegion : peeringNumbers.acrossRegions
}
