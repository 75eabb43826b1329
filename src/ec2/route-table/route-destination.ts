import { canonicalBlock, containsCidr, isIpv6Block } from '../cidr.ts'
import {
  Ec2Error,
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Scope, Store } from '../ports/store.ts'
import { localCidrsOf } from '../vpc/vpc.ts'
import type { RouteTableRecord, RouteTargetIds } from './route-table.ts'

/** What an operation names a route by. */
export interface DestinationRequest {
  readonly DestinationCidrBlock?: string | undefined
  readonly DestinationIpv6CidrBlock?: string | undefined
  readonly DestinationPrefixListId?: string | undefined
}

/** "Configure route tables": for the VPC's own services. */
const reserved = ['169.254.168.0/22', 'fd00:ec2::/32']

/** The destination of a route: a block in its canonical form, or the id of one of the caller's prefix lists. */
export function readDestination(store: Store, scope: Scope, request: DestinationRequest): string {
  const { DestinationCidrBlock: ipv4, DestinationIpv6CidrBlock: ipv6, DestinationPrefixListId: prefixListId } = request
  if ([ipv4, ipv6, prefixListId].filter(Boolean).length > 1) {
    throw invalidParameterCombination('A route has one destination: an IPv4 or an IPv6 CIDR block, or a prefix list')
  }
  if (prefixListId) return findOne('pl', prefixListId, (id) => store.prefixLists.get(scope, id)).id
  if (ipv6) return readBlock('destinationIpv6CidrBlock', ipv6, true)
  if (!ipv4) throw missingParameter('destinationCidrBlock')
  return readBlock('destinationCidrBlock', ipv4, false)
}

function readBlock(parameter: string, text: string, isIpv6: boolean): string {
  const block = canonicalBlock(text)
  if (block === undefined || isIpv6Block(block) !== isIpv6) {
    throw invalidParameterValue(parameter, text.slice(0, 80), 'This is not a valid CIDR block.')
  }
  if (reserved.some((whole) => containsCidr(whole, block))) {
    throw invalidParameterValue(parameter, text.slice(0, 80), 'This block is reserved.')
  }
  return block
}

/**
 * What is local to the VPC stays so. Aside from it leads only a route to the very block of a subnet, and only to what carries for others
 * in the VPC itself.
 */
export function requireBeyondLocal(
  store: Store,
  { vpcId }: RouteTableRecord,
  destination: string,
  { interfaceId, natGatewayId }: RouteTargetIds,
): void {
  const vpc = store.vpcs.find(vpcId)
  const local = vpc ? localCidrsOf(vpc) : []
  if (!local.some((own) => containsCidr(own, destination))) return
  if (interfaceId === undefined && natGatewayId === undefined) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The destination CIDR block ${destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.`,
    )
  }
  if (local.includes(destination)) {
    throw unsupportedOperation(`The target of the local route ${destination} cannot be replaced in Kiln.`)
  }
  if (!store.subnets.listBy('vpcId', vpcId).some(({ cidr, ipv6 }) => [cidr, ipv6?.cidr].includes(destination))) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The destination CIDR block ${destination} is more specific than one of this VPC's CIDR blocks and is not that of one of its subnets.`,
    )
  }
}
