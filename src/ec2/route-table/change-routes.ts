import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { findOne, requireWellFormed } from '../ids.ts'
import { containsBlock, formatIpv4Block, type Ipv4Block, parseIpv4Block } from '../ipv4.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { cidrsOf } from '../vpc/vpc.ts'
import type { Route, RouteTableRecord } from './route-table.ts'

interface RouteRequest {
  readonly RouteTableId?: string | undefined
  readonly DestinationCidrBlock?: string | undefined
  readonly GatewayId?: string | undefined
}

/** CreateRoute: to an internet gateway, in effect at once. Other targets are refused by name. */
export function createRoute(domain: Domain): Ec2Mutation<'CreateRoute'> {
  const { settings } = domain
  return {
    kind: 'mutation',
    parameters: ['RouteTableId', 'DestinationCidrBlock', 'GatewayId'],
    apply: (context, input) => {
      const table = findTable(domain, context, input)
      const route = readRoute(domain, context, table, input)
      const present = findRoute(table, route.destination)
      if (present?.gatewayId === route.gatewayId) return { Return: true }
      if (present) {
        throw new Ec2Error('RouteAlreadyExists', `The route identified by ${route.destination} already exists.`)
      }
      requireQuota(settings.quotas, 'routesPerRouteTable', {
        present: table.routes.length,
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
    parameters: ['RouteTableId', 'DestinationCidrBlock', 'GatewayId'],
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
    parameters: ['RouteTableId', 'DestinationCidrBlock'],
    apply: (context, input) => {
      const table = findTable(domain, context, input)
      const destination = formatIpv4Block(readDestination(input))
      const vpc = store.vpcs.find(table.vpcId)
      if (vpc && cidrsOf(vpc).includes(destination)) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `cannot remove local route ${destination} in route table ${table.id}`,
        )
      }
      if (!findRoute(table, destination)) {
        throw new Ec2Error(
          'InvalidRoute.NotFound',
          `no route with destination-cidr-block ${destination} in route table ${table.id}`,
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

function readDestination({ DestinationCidrBlock: text }: RouteRequest): Ipv4Block {
  if (!text) throw missingParameter('destinationCidrBlock')
  const block = parseIpv4Block(text)
  if (!block) {
    throw invalidParameterValue('destinationCidrBlock', text.slice(0, 80), 'This is not a valid CIDR block.')
  }
  return block
}

function readRoute({ store }: Domain, context: MutationContext, table: RouteTableRecord, input: RouteRequest): Route {
  const block = readDestination(input)
  const destination = formatIpv4Block(block)
  const vpc = store.vpcs.find(table.vpcId)
  const isLocal = (vpc ? cidrsOf(vpc) : []).some((cidr) => {
    const own = parseIpv4Block(cidr)
    return own !== undefined && containsBlock(own, block)
  })
  if (isLocal) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The destination CIDR block ${destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.`,
    )
  }
  const { GatewayId: gatewayId } = input
  if (!gatewayId) throw missingParameter('gatewayId')
  if (!gatewayId.startsWith('igw-')) {
    throw unsupportedOperation(
      `The gateway ${gatewayId.slice(0, 80)} is not supported by Kiln: only internet gateways.`,
    )
  }
  requireWellFormed('igw', gatewayId)
  const gateway = store.internetGateways.get(context, gatewayId)
  if (!gateway) throw new Ec2Error('InvalidGatewayID.NotFound', `The gateway ID '${gatewayId}' does not exist`)
  if (gateway.vpcId !== table.vpcId) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `route table ${table.id} and network gateway ${gatewayId} belong to different networks`,
    )
  }
  return { destination, gatewayId }
}
