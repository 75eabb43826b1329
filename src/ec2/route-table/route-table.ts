import type { ResourceRecord } from '../ports/store.ts'

/** Where a route leads: one of them is set. */
export interface RouteTargetIds {
  /** `igw-…`, attached to the VPC when the route was made. */
  readonly gatewayId?: string
  readonly natGatewayId?: string
  /** An interface of the VPC that carries for others. Instances are meant by theirs. */
  readonly interfaceId?: string
  readonly vpcPeeringConnectionId?: string
  /** `eigw-…`, for IPv6. */
  readonly egressOnlyGatewayId?: string
}

/** A route that somebody made; the local routes of a VPC follow from its blocks and are not recorded. */
export interface Route extends RouteTargetIds {
  /** An IPv4 or IPv6 block in its canonical form, or the id of a prefix list, which stands for its entries as they are now. */
  readonly destination: string
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

/** Whether a route's destination is a prefix list. */
export function isByPrefixList({ destination }: Pick<Route, 'destination'>): boolean {
  return destination.startsWith('pl-')
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
