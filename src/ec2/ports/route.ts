/** Where a route leads. What it leads to may be gone, or lead nowhere: then it is a blackhole. */
export type RouteTarget =
  | { readonly kind: 'internet' }
  /** To the internet by an egress-only gateway, for IPv6: nobody out there opens a connection by it. */
  | { readonly kind: 'egress-only' }
  | { readonly kind: 'nat'; readonly natGatewayId: string }
  /** A guest that carries for others: one of the VPC's `interfaces`, by its `id`. */
  | { readonly kind: 'interface'; readonly interfaceId: string }
  | { readonly kind: 'peering'; readonly peeringConnectionId: string }
  | { readonly kind: 'blackhole' }

/** A route of a subnet's table besides the local ones. Of several that hold for an address the most specific one counts. */
export interface RouteNetwork {
  /** An IPv4 or IPv6 block in its canonical form. */
  readonly destination: string
  readonly target: RouteTarget
}
