import { Ec2Error, invalidParameterCombination, missingParameter, unsupportedOperation } from '../errors.ts'
import { findOne, requireWellFormed } from '../ids.ts'
import { requireSoleInterface } from '../instance/find-instance.ts'
import { carriesPackets } from '../nat-gateway/nat-gateway.ts'
import type { Scope, Store } from '../ports/store.ts'
import { findPeering, peeringStateAt } from '../vpc-peering/vpc-peering.ts'
import type { RouteTableRecord, RouteTargetIds } from './route-table.ts'

/** RFC 6052: stands for all IPv4 addresses where IPv6 is translated to IPv4. */
const nat64Block = '64:ff9b::/96'

/** What an operation names the target of a route by. */
export interface TargetRequest {
  readonly GatewayId?: string | undefined
  readonly NatGatewayId?: string | undefined
  readonly InstanceId?: string | undefined
  readonly NetworkInterfaceId?: string | undefined
  readonly VpcPeeringConnectionId?: string | undefined
  readonly EgressOnlyInternetGatewayId?: string | undefined
}

/** The target of a route: exactly one, the caller's, in the VPC of the table. */
export function readTarget(
  store: Store,
  scope: Scope & { readonly now: Date },
  table: RouteTableRecord,
  request: TargetRequest,
): RouteTargetIds {
  const { GatewayId: gatewayId, NatGatewayId: natGatewayId } = request
  const { InstanceId: instanceId, NetworkInterfaceId: interfaceId } = request
  const { VpcPeeringConnectionId: peeringId, EgressOnlyInternetGatewayId: egressOnlyId } = request
  const given = [gatewayId, natGatewayId, instanceId, interfaceId, peeringId, egressOnlyId].filter(Boolean)
  if (given.length > 1) throw invalidParameterCombination('A route has exactly one target')
  if (gatewayId) return { gatewayId: readGateway(store, scope, table, gatewayId) }
  if (natGatewayId) return { natGatewayId: readNatGateway(store, scope, table, natGatewayId) }
  if (instanceId) {
    const instance = findOne('i', instanceId, (id) => store.instances.get(scope, id))
    return { interfaceId: requireInVpc(table, requireSoleInterface(store, instance)) }
  }
  if (interfaceId) {
    const found = findOne('eni', interfaceId, (id) => store.interfaces.get(scope, id))
    return { interfaceId: requireInVpc(table, found) }
  }
  if (peeringId) {
    return { vpcPeeringConnectionId: readPeering(store, scope, table, peeringId) }
  }
  if (egressOnlyId) {
    const gateway = findOne('eigw', egressOnlyId, (id) => store.egressOnlyGateways.get(scope, id))
    if (gateway.vpcId !== table.vpcId) throw otherNetwork(table, `egress-only internet gateway ${gateway.id}`)
    return { egressOnlyGatewayId: gateway.id }
  }
  throw missingParameter('gatewayId')
}

function readGateway(store: Store, scope: Scope, table: RouteTableRecord, gatewayId: string): string {
  if (!gatewayId.startsWith('igw-')) {
    throw unsupportedOperation(
      `The gateway ${gatewayId.slice(0, 80)} is not supported by Kiln: only internet gateways.`,
    )
  }
  requireWellFormed('igw', gatewayId)
  const gateway = store.internetGateways.get(scope, gatewayId)
  if (!gateway) throw new Ec2Error('InvalidGatewayID.NotFound', `The gateway ID '${gatewayId}' does not exist`)
  if (gateway.vpcId !== table.vpcId) throw otherNetwork(table, `network gateway ${gatewayId}`)
  return gatewayId
}

function readNatGateway(store: Store, scope: Scope, table: RouteTableRecord, natGatewayId: string): string {
  const gateway = findOne('nat', natGatewayId, (id) => {
    const found = store.natGateways.get(scope, id)
    return carriesPackets(found) ? found : undefined
  })
  if (gateway.vpcId !== table.vpcId) throw otherNetwork(table, `NAT gateway ${natGatewayId}`)
  return natGatewayId
}

/** A connection that waits to be accepted may have routes already, which are blackholes until then; one that has ended may not. */
function readPeering(store: Store, scope: Scope & { now: Date }, table: RouteTableRecord, peeringId: string): string {
  const peering = findPeering(store, scope, peeringId)
  const { id, requester, accepter } = peering
  if (![requester.vpcId, accepter.vpcId].includes(table.vpcId)) throw otherNetwork(table, `peering connection ${id}`)
  const state = peeringStateAt(peering, scope.now)
  if (state === 'active' || state === 'pending-acceptance') return id
  throw new Ec2Error('InvalidParameterValue', `The peering connection ${id} is ${state}: no route can lead over it.`)
}

function requireInVpc(table: RouteTableRecord, { id, vpcId }: { readonly id: string; readonly vpcId: string }): string {
  if (vpcId !== table.vpcId) throw otherNetwork(table, `interface ${id}`)
  return id
}

function otherNetwork({ id }: RouteTableRecord, what: string): Ec2Error {
  return new Ec2Error('InvalidParameterValue', `route table ${id} and ${what} belong to different networks`)
}

/** Throws for a target that does not carry what a route leads to it: an egress-only gateway IPv4, a NAT gateway IPv6. */
export function requireCarrying(
  { egressOnlyGatewayId, natGatewayId }: RouteTargetIds,
  { isIpv6, destination }: { isIpv6: boolean; destination: string },
): void {
  if (egressOnlyGatewayId !== undefined && !isIpv6) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The egress-only internet gateway ${egressOnlyGatewayId} carries IPv6 alone: ${destination} is IPv4.`,
    )
  }
  if (natGatewayId === undefined || !isIpv6) return
  if (destination === nat64Block) {
    throw unsupportedOperation(
      `NAT64, for which a route leads ${nat64Block} to a NAT gateway, is not supported by Kiln.`,
    )
  }
  throw new Ec2Error(
    'InvalidParameterValue',
    `The NAT gateway ${natGatewayId} does not carry IPv6: ${destination} may lead to an egress-only internet gateway.`,
  )
}
