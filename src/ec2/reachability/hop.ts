import type { AclEntry, FirewallRule } from '../ports/firewall.ts'
import type { RouteTarget } from '../ports/route.ts'
import type { Packet } from './packet.ts'

/** Something that a packet passes, or is stopped by, in the order of its way. */
export type Hop =
  | { readonly kind: 'interface'; readonly interfaceId: string; readonly subnetId: string; readonly packet: Packet }
  | { readonly kind: 'nat-gateway'; readonly natGatewayId: string; readonly subnetId: string; readonly packet: Packet }
  | { readonly kind: 'internet-gateway'; readonly gatewayId: string | undefined; readonly packet: Packet }
  /** For IPv6, beside an internet gateway or in its place. */
  | { readonly kind: 'egress-only-gateway'; readonly gatewayId: string | undefined; readonly packet: Packet }
  | { readonly kind: 'peering-connection'; readonly peeringConnectionId: string; readonly packet: Packet }
  /** One of the services that the VPC's router has itself. */
  | { readonly kind: 'vpc-service'; readonly title: string; readonly packet: Packet }
  | GroupHop
  | AclHop
  | RouteHop

/** The security groups of an interface; `rule` is the one that lets the packet through. */
export interface GroupHop {
  readonly kind: 'security-group'
  readonly interfaceId: string
  readonly direction: 'ingress' | 'egress'
  readonly groupIds: readonly string[]
  readonly rule?: FirewallRule & { readonly ofGroup: string }
}

/** The network ACL of a subnet; `entry` is the one that decides, absent when none matches and the last one denies. */
export interface AclHop {
  readonly kind: 'network-acl'
  readonly subnetId: string
  /** Absent: the subnet's ACL lets everything pass. */
  readonly aclId?: string
  readonly direction: 'ingress' | 'egress'
  readonly entry?: AclEntry
  readonly isPassed: boolean
}

/** The route that counts for the packet in its subnet; without a target there is none. */
export interface RouteHop {
  readonly kind: 'route'
  readonly subnetId: string
  readonly routeTableId: string | undefined
  readonly destination?: string
  readonly target?: RouteTarget | { readonly kind: 'local' }
}

/** Codes of "Reachability Analyzer explanation codes" that Kiln's networks can come to. */
export type ExplanationCode =
  | 'BAD_STATE'
  | 'BAD_STATE_ROUTE'
  | 'ENI_SG_RULES_MISMATCH'
  | 'ENI_SOURCE_DEST_CHECK_RESTRICTION'
  | 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS'
  | 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS'
  | 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS'
  | 'NO_POSSIBLE_DESTINATION'
  | 'NO_ROUTE_TO_DESTINATION'
  | 'SG_HAS_NO_RULES'
  | 'SUBNET_ACL_RESTRICTION'

/** Why a packet does not get through. */
export interface Obstacle {
  readonly code: ExplanationCode
  /** What a person reads. */
  readonly text: string
  /** Whether it is the answer that is stopped. */
  readonly isOfAnswer: boolean
  readonly interfaceId?: string
  readonly subnetId?: string
  /** Where it was stopped: one of the hops of the way; absent where it came to none. */
  readonly hop?: Hop
  readonly address?: string
}
