import { isIpv6Block } from '../cidr.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { localCidrsOf } from '../vpc/vpc.ts'
import { type DestinationRequest, readDestination, requireBeyondLocal } from './route-destination.ts'
import { isByPrefixList, type Route, type RouteTableRecord } from './route-table.ts'
import { readTarget, requireCarrying, type TargetRequest } from './route-target.ts'
import { isIpv6Route, weightOf, weightOfFamily } from './prefix-list-use.ts'

interface RouteRequest extends DestinationRequest, TargetRequest {
  readonly RouteTableId?: string | undefined
}

const destinationParameters = ['DestinationCidrBlock', 'DestinationIpv6CidrBlock', 'DestinationPrefixListId'] as const
const targetParameters = [
  'GatewayId',
  'NatGatewayId',
  'InstanceId',
  'NetworkInterfaceId',
  'VpcPeeringConnectionId',
  'EgressOnlyInternetGatewayId',
] as const

/** CreateRoute: in effect at once. Other targets are refused by name. */
export function createRoute(domain: Domain): Ec2Mutation<'CreateRoute'> {
  const { store, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['RouteTableId', ...destinationParameters, ...targetParameters],
    apply: (context, input) => {
      const table = findTable(domain, context, input)
      const route = readRoute(domain, context, table, input)
      const present = findRoute(table, route.destination)
      if (present && isSame(present, route)) return { Return: true }
      if (present) {
        throw new Ec2Error('RouteAlreadyExists', `The route identified by ${route.destination} already exists.`)
      }
      requireQuota(settings.quotas, 'routesPerRouteTable', {
        present: weightOfFamily(store, table.routes, isIpv6Route(store, route)),
        added: weightOf(store, route),
        code: 'RouteLimitExceeded',
      })
      replaceRoutes(domain, context, table, [...table.routes, route])
      return { Return: true }
    },
  }
}

/** ReplaceRoute: another target for a destination that the table has. */
export function replaceRoute(domain: Domain): Ec2Mutation<'ReplaceRoute'> {
  return {
    kind: 'mutation',
    parameters: ['RouteTableId', ...destinationParameters, ...targetParameters],
    apply: (context, input) => {
      const table = findTable(domain, context, input)
      const route = readRoute(domain, context, table, input)
      if (!findRoute(table, route.destination)) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `There is no route defined for '${route.destination}' in the route table. Use CreateRoute instead.`,
        )
      }
      const others = table.routes.map((present) => (present.destination === route.destination ? route : present))
      replaceRoutes(domain, context, table, others)
      return {}
    },
  }
}

/** DeleteRoute: what is local to the VPC stays. */
export function deleteRoute(domain: Domain): Ec2Mutation<'DeleteRoute'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['RouteTableId', ...destinationParameters],
    apply: (context, input) => {
      const table = findTable(domain, context, input)
      const destination = readDestination(store, context, input)
      const vpc = store.vpcs.find(table.vpcId)
      if (vpc && localCidrsOf(vpc).includes(destination)) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `cannot remove local route ${destination} in route table ${table.id}`,
        )
      }
      if (!findRoute(table, destination)) {
        throw new Ec2Error(
          'InvalidRoute.NotFound',
          `no route with destination-${kindOf(destination)} ${destination} in route table ${table.id}`,
        )
      }
      replaceRoutes(
        domain,
        context,
        table,
        table.routes.filter((route) => route.destination !== destination),
      )
      return {}
    },
  }
}

/** EC2's word for what a destination is. */
function kindOf(destination: string): string {
  if (isByPrefixList({ destination })) return 'prefix-list-id'
  return isIpv6Block(destination) ? 'ipv6-cidr-block' : 'cidr-block'
}

function findTable({ store }: Domain, context: MutationContext, input: RouteRequest): RouteTableRecord {
  return findOne('rtb', input.RouteTableId ?? '', (id) => store.routeTables.get(context, id))
}

function findRoute({ routes }: RouteTableRecord, destination: string): Route | undefined {
  return routes.find((route) => route.destination === destination)
}

function replaceRoutes(
  { store, networks }: Domain,
  context: MutationContext,
  table: RouteTableRecord,
  routes: readonly Route[],
): void {
  store.routeTables.replace({ ...table, routes })
  context.afterCommit(() => networks.refreshSoon(table.vpcId))
}

function readRoute({ store }: Domain, context: MutationContext, table: RouteTableRecord, input: RouteRequest): Route {
  const destination = readDestination(store, context, input)
  const target = readTarget(store, context, table, input)
  requireCarrying(target, { isIpv6: isIpv6Route(store, { destination }), destination })
  requireBeyondLocal(store, table, destination, target)
  return { destination, ...target }
}

function isSame(one: Route, other: Route): boolean {
  return (
    one.gatewayId === other.gatewayId &&
    one.natGatewayId === other.natGatewayId &&
    one.interfaceId === other.interfaceId &&
    one.vpcPeeringConnectionId === other.vpcPeeringConnectionId &&
    one.egressOnlyGatewayId === other.egressOnlyGatewayId
  )
}
