import type { FirewallRule } from '../ports/firewall.ts'
import type { AclHop, GroupHop, Hop, RouteHop } from './hop.ts'

/** A hop as a person reads it. Pure. */
export function describeHop(hop: Hop): string {
  switch (hop.kind) {
    case 'interface':
      return hop.interfaceId
    case 'nat-gateway':
      return `${hop.natGatewayId} (as ${hop.packet.source})`
    case 'internet-gateway':
      return hop.gatewayId ?? 'internet gateway'
    case 'egress-only-gateway':
      return hop.gatewayId ?? 'egress-only internet gateway'
    case 'peering-connection':
      return hop.peeringConnectionId
    case 'vpc-service':
      return `${hop.title} (${hop.packet.destination})`
    case 'security-group':
      return describeGroups(hop)
    case 'network-acl':
      return describeAcl(hop)
    case 'route':
      return describeRoute(hop)
  }
}

function describeGroups({ direction, groupIds, rule }: GroupHop): string {
  if (!rule) return `no ${direction} rule of ${groupIds.join(', ') || 'any group'}`
  return `${rule.ofGroup} ${direction} rule ${rule.id ?? ''}: ${describeRule(rule)}`
}

function describeAcl({ aclId, subnetId, direction, entry, isPassed: passes }: AclHop): string {
  const name = `${aclId ?? 'network ACL'} of ${subnetId} ${direction}`
  if (entry)
    return `${name} entry ${entry.ruleNumber ?? ''} ${entry.isAllowed ? 'allow' : 'deny'}: ${describeRule(entry)}`
  return passes ? `${name}: lets everything pass` : `${name}: no entry, denied`
}

function describeRoute({ subnetId, routeTableId, destination, target }: RouteHop): string {
  const table = `${routeTableId ?? 'route table'} of ${subnetId}`
  if (!target) return `${table}: no route`
  return `${table}: ${destination} -> ${describeTarget(target)}`
}

/** Pure. */
export function describeTarget(target: NonNullable<RouteHop['target']>): string {
  switch (target.kind) {
    case 'nat':
      return target.natGatewayId
    case 'interface':
      return target.interfaceId
    case 'peering':
      return target.peeringConnectionId
    case 'internet':
      return 'internet gateway'
    case 'egress-only':
      return 'egress-only internet gateway'
    default:
      return target.kind
  }
}

/** `tcp 80-90 172.31.0.0/16`. */
function describeRule({ protocol, fromPort, toPort, icmpType, cidr, prefixListId, groupId }: FirewallRule): string {
  const ports = fromPort === undefined ? '' : ` ${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`
  const type = icmpType === undefined ? '' : ` type ${icmpType}`
  return `${protocol}${ports}${type} ${groupId ?? prefixListId ?? cidr}`
}
