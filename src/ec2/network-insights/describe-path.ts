import type {
  AnalysisAclRule,
  AnalysisComponent,
  AnalysisPacketHeader,
  AnalysisRouteTableRoute,
  AnalysisSecurityGroupRule,
  Explanation,
  PathComponent,
} from '@aws-sdk/client-ec2'
import { blockOfAddress } from '../cidr.ts'
import type { AclEntry, FirewallRule } from '../ports/firewall.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { PathAnalysis, PortSpan } from '../reachability/analyse-path.ts'
import type { AclHop, GroupHop, Hop, Obstacle, RouteHop } from '../reachability/hop.ts'
import type { Packet } from '../reachability/packet.ts'
import { arnOf, type InsightsAnalysisRecord } from './network-insights.ts'

type Of = (kind: string, id: string) => AnalysisComponent

/** An analysis in EC2's shape. */
export function describeAnalysedPath(
  store: Store,
  scope: Scope,
  { isFound, forward, back, obstacles, sourcePorts }: PathAnalysis,
): InsightsAnalysisRecord['result'] {
  const of: Of = (kind, id) => ({ Id: id, Arn: arnOf(scope, kind, id) })
  const list = (hops: readonly Hop[], isAnswer: boolean) =>
    hops.map((hop, index) => describeComponent(store, of, hop, index + 1, isAnswer ? undefined : sourcePorts))
  return {
    NetworkPathFound: isFound,
    // EC2 shows the parts of a path that there is.
    ...(isFound ? { ForwardPathComponents: list(forward, false), ReturnPathComponents: list(back, true) } : {}),
    Explanations: obstacles.map((obstacle) => describeObstacle(store, of, obstacle)),
  }
}

function describeComponent(
  store: Store,
  of: Of,
  hop: Hop,
  SequenceNumber: number,
  sourcePorts: readonly PortSpan[] | undefined,
): PathComponent {
  switch (hop.kind) {
    case 'interface':
      return {
        SequenceNumber,
        Component: of('network-interface', hop.interfaceId),
        ...attachedTo(store, of, hop.interfaceId),
        Subnet: of('subnet', hop.subnetId),
        ...vpcOfSubnet(store, of, hop.subnetId),
        OutboundHeader: describeHeader(hop.packet, sourcePorts),
      }
    case 'nat-gateway':
      return {
        SequenceNumber,
        Component: of('natgateway', hop.natGatewayId),
        Subnet: of('subnet', hop.subnetId),
        ...vpcOfSubnet(store, of, hop.subnetId),
        OutboundHeader: describeHeader(hop.packet, sourcePorts),
      }
    case 'internet-gateway':
      return {
        SequenceNumber,
        ...(hop.gatewayId === undefined ? {} : { Component: of('internet-gateway', hop.gatewayId) }),
        OutboundHeader: describeHeader(hop.packet, sourcePorts),
      }
    case 'egress-only-gateway':
      return {
        SequenceNumber,
        ...(hop.gatewayId === undefined ? {} : { Component: of('egress-only-internet-gateway', hop.gatewayId) }),
        OutboundHeader: describeHeader(hop.packet, sourcePorts),
      }
    case 'peering-connection':
      return {
        SequenceNumber,
        Component: of('vpc-peering-connection', hop.peeringConnectionId),
        OutboundHeader: describeHeader(hop.packet, sourcePorts),
      }
    case 'vpc-service':
      return { SequenceNumber, OutboundHeader: describeHeader(hop.packet, sourcePorts) }
    case 'security-group':
      return {
        SequenceNumber,
        Component: of('security-group', hop.rule?.ofGroup ?? hop.groupIds[0] ?? ''),
        ...(hop.rule ? { SecurityGroupRule: describeGroupRule(hop, hop.rule) } : {}),
      }
    case 'network-acl':
      return {
        SequenceNumber,
        Component: of('network-acl', aclIdOf(store, hop)),
        ...(hop.entry ? { AclRule: describeEntry(hop, hop.entry) } : {}),
        Subnet: of('subnet', hop.subnetId),
      }
    case 'route':
      return {
        SequenceNumber,
        Component: of('route-table', hop.routeTableId ?? ''),
        ...describeRoute(hop),
        Subnet: of('subnet', hop.subnetId),
      }
  }
}

function describeObstacle(store: Store, of: Of, { code, hop, interfaceId, subnetId, address }: Obstacle): Explanation {
  return {
    ExplanationCode: code,
    ...(address === undefined ? {} : { Address: address }),
    ...(interfaceId === undefined
      ? {}
      : { NetworkInterface: of('network-interface', interfaceId), Component: of('network-interface', interfaceId) }),
    ...(subnetId === undefined ? {} : { Subnet: of('subnet', subnetId), ...vpcOfSubnet(store, of, subnetId) }),
    ...(hop === undefined ? {} : describeStop(store, of, hop)),
  }
}

function describeStop(store: Store, of: Of, hop: Hop): Explanation {
  switch (hop.kind) {
    case 'security-group':
      return { Direction: hop.direction, SecurityGroups: hop.groupIds.map((id) => of('security-group', id)) }
    case 'network-acl':
      return {
        Direction: hop.direction,
        Acl: of('network-acl', aclIdOf(store, hop)),
        ...(hop.entry ? { AclRule: describeEntry(hop, hop.entry) } : {}),
      }
    case 'route':
      return {
        ...(hop.routeTableId === undefined ? {} : { RouteTable: of('route-table', hop.routeTableId) }),
        ...describeRoute(hop),
      }
    default:
      return {}
  }
}

/** An ACL that lets everything pass is not told to the network: the records know which one it is. */
function aclIdOf(store: Store, { aclId, subnetId }: AclHop): string {
  if (aclId !== undefined) return aclId
  const vpcId = store.subnets.find(subnetId)?.vpcId ?? ''
  const acls = store.networkAcls.listBy('vpcId', vpcId)
  const own = acls.find(({ associations }) => associations.some((association) => association.subnetId === subnetId))
  return (own ?? acls.find(({ isDefault }) => isDefault))?.id ?? ''
}

function attachedTo(store: Store, of: Of, interfaceId: string): { AttachedTo?: AnalysisComponent } {
  const instanceId = store.interfaces.find(interfaceId)?.attachment?.instanceId
  return instanceId === undefined ? {} : { AttachedTo: of('instance', instanceId) }
}

function vpcOfSubnet(store: Store, of: Of, subnetId: string): { Vpc?: AnalysisComponent } {
  const vpcId = store.subnets.find(subnetId)?.vpcId
  return vpcId === undefined ? {} : { Vpc: of('vpc', vpcId) }
}

function describeHeader(packet: Packet, sourcePorts: readonly PortSpan[] | undefined): AnalysisPacketHeader {
  const { protocol, source, destination, sourcePort, destinationPort } = packet
  return {
    Protocol: protocol === 'tcp' ? '6' : '17',
    SourceAddresses: [blockOfAddress(source)],
    DestinationAddresses: [blockOfAddress(destination)],
    SourcePortRanges: (sourcePorts ?? [{ from: sourcePort, to: sourcePort }]).map(({ from, to }) => ({
      From: from,
      To: to,
    })),
    DestinationPortRanges: [{ From: destinationPort, To: destinationPort }],
  }
}

function describeGroupRule(
  { direction }: GroupHop,
  rule: FirewallRule & { ofGroup: string },
): AnalysisSecurityGroupRule {
  return {
    Direction: direction,
    // The peer, where it is a group; the group whose rule it is is the component.
    ...(rule.groupId === undefined ? {} : { SecurityGroupId: rule.groupId }),
    ...(rule.cidr === undefined ? {} : { Cidr: rule.cidr }),
    ...(rule.prefixListId === undefined ? {} : { PrefixListId: rule.prefixListId }),
    Protocol: String(rule.protocol),
    ...portRange(rule),
  }
}

function describeEntry({ direction }: AclHop, entry: AclEntry): AnalysisAclRule {
  return {
    Egress: direction === 'egress',
    RuleAction: entry.isAllowed ? 'allow' : 'deny',
    ...(entry.ruleNumber === undefined ? {} : { RuleNumber: entry.ruleNumber }),
    ...(entry.cidr === undefined ? {} : { Cidr: entry.cidr }),
    Protocol: String(entry.protocol),
    ...portRange(entry),
  }
}

function portRange({ fromPort, toPort }: FirewallRule): { PortRange?: { From: number; To: number } } {
  return fromPort === undefined || toPort === undefined ? {} : { PortRange: { From: fromPort, To: toPort } }
}

function describeRoute({ destination, target }: RouteHop): { RouteTableRoute?: AnalysisRouteTableRoute } {
  if (!target || destination === undefined) return {}
  return {
    RouteTableRoute: {
      DestinationCidr: destination,
      State: target.kind === 'blackhole' ? 'blackhole' : 'active',
      Origin: target.kind === 'local' ? 'createroutetable' : 'createroute',
      ...(target.kind === 'local' ? { GatewayId: 'local' } : {}),
      ...(target.kind === 'interface' ? { NetworkInterfaceId: target.interfaceId } : {}),
      ...(target.kind === 'nat' ? { NatGatewayId: target.natGatewayId } : {}),
      ...(target.kind === 'peering' ? { VpcPeeringConnectionId: target.peeringConnectionId } : {}),
    },
  }
}
