import type { ResourceRecord, Store } from '../ports/store.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'

/** A route that somebody made; the local routes of a VPC follow from its blocks and are not recorded. */
export interface Route {
  /** An IPv4 block in its canonical form. */
  readonly destination: string
  /** `igw-…`, attached to the VPC when the route was made. */
  readonly gatewayId: string
}

/** The use of a route table: by one subnet, or by all subnets of the VPC that have no other. */
export interface RouteTableAssociation {
  readonly id: string
  /** Absent: the table is the VPC's main one. */
  readonly subnetId?: string
}

export interface RouteTableRecord extends ResourceRecord {
  readonly vpcId: string
  readonly routes: readonly Route[]
  readonly associations: readonly RouteTableAssociation[]
}

/** Whether subnets without a table of their own use this one. */
export function isMainTable({ associations }: RouteTableRecord): boolean {
  return associations.some(({ subnetId }) => subnetId === undefined)
}

/** The table that holds for a subnet among those of its VPC: its own, else the main one. */
export function tableOfSubnet(tables: readonly RouteTableRecord[], subnetId: string): RouteTableRecord | undefined {
  return (
    tables.find(({ associations }) => associations.some((association) => association.subnetId === subnetId)) ??
    tables.find(isMainTable)
  )
}

/** Whether a route leads somewhere: its gateway may have been detached or deleted since. */
export function isRouteActive(store: Store, { vpcId }: RouteTableRecord, { gatewayId }: Route): boolean {
  return store.internetGateways.find(gatewayId)?.vpcId === vpcId
}

/** The blocks that a subnet reaches by an internet gateway. */
export function internetDestinationsOf(
  store: Store,
  tables: readonly RouteTableRecord[],
  { id }: SubnetRecord,
): string[] {
  const table = tableOfSubnet(tables, id)
  if (!table) return []
  return table.routes.filter((route) => isRouteActive(store, table, route)).map(({ destination }) => destination)
}
