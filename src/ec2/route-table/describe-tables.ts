import type { Route as RouteDescription, RouteTable, RouteTableAssociation } from '@aws-sdk/client-ec2'
import { isIpv6Block } from '../cidr.ts'
import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { localCidrsOf } from '../vpc/vpc.ts'
import { isByPrefixList, isMainTable, type RouteTableRecord, type RouteTargetIds } from './route-table.ts'
import { targetOf } from './subnet-routes.ts'

export function describeRouteTables({ store }: Domain): Ec2Query<'DescribeRouteTables'> {
  const routesOf = (table: RouteTableRecord) => describeRoutes(store, table)
  const source: DescribeSource<RouteTableRecord> = {
    collection: store.routeTables,
    prefix: 'rtb',
    idParameter: 'routeTableIds',
    filters: defineFilters(
      {
        'association.gateway-id': () => undefined,
        'association.main': (table) => (table.associations.length > 0 ? isMainTable(table) : undefined),
        'association.route-table-association-id': {
          read: ({ associations }) => associations.map(({ id }) => id),
          index: 'associations[].id',
        },
        'association.route-table-id': ({ id, associations }) => (associations.length > 0 ? id : undefined),
        'association.subnet-id': {
          read: ({ associations }) => associations.map(({ subnetId }) => subnetId),
          index: 'associations[].subnetId',
        },
        'owner-id': ({ accountId }) => accountId,
        'route-table-id': { read: ({ id }) => id, index: 'id' },
        'route.destination-cidr-block': (table) => routesOf(table).map((route) => route.DestinationCidrBlock),
        'route.destination-ipv6-cidr-block': (table) => routesOf(table).map((route) => route.DestinationIpv6CidrBlock),
        'route.destination-prefix-list-id': (table) => routesOf(table).map((route) => route.DestinationPrefixListId),
        'route.egress-only-internet-gateway-id': (table) =>
          routesOf(table).map((route) => route.EgressOnlyInternetGatewayId),
        'route.gateway-id': (table) => routesOf(table).map((route) => route.GatewayId),
        'route.instance-id': (table) => routesOf(table).map((route) => route.InstanceId),
        'route.nat-gateway-id': (table) => routesOf(table).map((route) => route.NatGatewayId),
        'route.origin': (table) => routesOf(table).map((route) => route.Origin),
        'route.state': (table) => routesOf(table).map((route) => route.State),
        'route.transit-gateway-id': () => undefined,
        'route.vpc-peering-connection-id': (table) => routesOf(table).map((route) => route.VpcPeeringConnectionId),
        'transit-gateway-id': () => undefined,
        'vpc-id': { read: ({ vpcId }) => vpcId, index: 'vpcId' },
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['RouteTableIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.RouteTableIds })
      return { RouteTables: page.records.map((table) => describeTable(store, table)), ...page.token }
    },
  }
}

/** A route table in EC2's shape. */
export function describeTable(store: Store, table: RouteTableRecord): RouteTable {
  return {
    RouteTableId: table.id,
    VpcId: table.vpcId,
    OwnerId: table.accountId,
    Associations: table.associations.map(
      ({ id, subnetId }): RouteTableAssociation => ({
        RouteTableAssociationId: id,
        RouteTableId: table.id,
        Main: subnetId === undefined,
        ...(subnetId === undefined ? {} : { SubnetId: subnetId }),
        AssociationState: { State: 'associated' },
      }),
    ),
    PropagatingVgws: [],
    Routes: describeRoutes(store, table),
    Tags: describeTags(store.tags.of(table.id)),
  }
}

/** A local route for each block of the VPC, then those that were made. */
function describeRoutes(store: Store, table: RouteTableRecord): RouteDescription[] {
  const vpc = store.vpcs.find(table.vpcId)
  return [
    ...(vpc ? localCidrsOf(vpc) : []).map(
      (cidr): RouteDescription => ({
        ...describeDestination(cidr),
        GatewayId: 'local',
        Origin: 'CreateRouteTable',
        State: 'active',
      }),
    ),
    ...table.routes.map(
      (route): RouteDescription => ({
        ...describeDestination(route.destination),
        ...describeTarget(store, route),
        Origin: 'CreateRoute',
        State: targetOf(store, table, route).kind === 'blackhole' ? 'blackhole' : 'active',
      }),
    ),
  ]
}

function describeDestination(destination: string): RouteDescription {
  if (isByPrefixList({ destination })) return { DestinationPrefixListId: destination }
  return isIpv6Block(destination) ? { DestinationIpv6CidrBlock: destination } : { DestinationCidrBlock: destination }
}

/** An interface is told with the instance that has it. */
function describeTarget(store: Store, target: RouteTargetIds): RouteDescription {
  const { gatewayId, natGatewayId, interfaceId, vpcPeeringConnectionId, egressOnlyGatewayId } = target
  if (gatewayId !== undefined) return { GatewayId: gatewayId }
  if (natGatewayId !== undefined) return { NatGatewayId: natGatewayId }
  if (egressOnlyGatewayId !== undefined) return { EgressOnlyInternetGatewayId: egressOnlyGatewayId }
  if (interfaceId === undefined) return { VpcPeeringConnectionId: vpcPeeringConnectionId }
  const attachment = store.interfaces.find(interfaceId)?.attachment
  return {
    NetworkInterfaceId: interfaceId,
    ...(attachment
      ? { InstanceId: attachment.instanceId, InstanceOwnerId: store.instances.find(attachment.instanceId)?.accountId }
      : {}),
  }
}
