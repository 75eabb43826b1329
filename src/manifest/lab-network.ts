import { nameInLab } from './lab.ts'
import { normaliseCidr } from './rule.ts'
import type { Manifest } from './schema/manifest.ts'

/** A VPC of the lab's own, with what leads out of it. */
export interface LabNetwork {
  readonly cidr: string
  /** Whether it has a block of IPv6 addresses. */
  readonly hasIpv6: boolean
  /** Whether a route needs an egress-only internet gateway. */
  readonly hasEgressOnly: boolean
  /** Whether a route or an address needs an internet gateway. */
  readonly hasInternet: boolean
  readonly subnets: ReadonlyMap<string, LabSubnet>
  readonly natGateways: ReadonlyMap<string, LabNatGateway>
  readonly peerings: ReadonlyMap<string, LabPeering>
}

export interface LabSubnet {
  readonly key: string
  readonly name: string
  readonly cidr: string
  /** The number of its /64 in the VPC's block of IPv6 addresses, or that it has one; absent: it has none. */
  readonly ipv6?: number | true
  readonly assignIpv6: boolean
  readonly mapPublicIpOnLaunch: boolean
  /** By destination: `internet`, `egressOnly`, or the address of a NAT gateway, a peering connection or an instance. */
  readonly routes: ReadonlyMap<string, string>
}

export interface LabNatGateway {
  readonly key: string
  readonly name: string
  /** Key of its subnet. */
  readonly subnet: string
  readonly connectivityType: 'public' | 'private'
}

/** A peering connection that the lab's VPC asks for. */
export interface LabPeering {
  readonly key: string
  readonly name: string
  /** The other VPC: `default`, `labs.NAME`, or its id. */
  readonly peer: string
  /** Whether the other VPC's route tables get a route to the lab's block. */
  readonly routesBack: boolean
}

/** The network that a checked manifest means; undefined: the default VPC. */
export function spellOutNetwork(manifest: Manifest): LabNetwork | undefined {
  const { name: lab, vpc } = manifest
  if (!vpc) return undefined
  const subnets = Object.entries(manifest.subnets ?? {}).map(([key, entry]): LabSubnet => {
    const routes = Object.entries(entry.routes ?? {}).map(
      ([destination, target]) => [normaliseCidr(destination) ?? destination, targetAddress(target)] as const,
    )
    return {
      key,
      name: nameInLab(lab, key),
      cidr: normaliseCidr(entry.cidr) ?? entry.cidr,
      ...(entry.ipv6 === undefined || entry.ipv6 === false ? {} : { ipv6: entry.ipv6 }),
      assignIpv6: entry.assignIpv6 ?? false,
      mapPublicIpOnLaunch: entry.mapPublicIpOnLaunch ?? false,
      routes: new Map(routes),
    }
  })
  const natGateways = Object.entries(manifest.natGateways ?? {}).map(
    ([key, { subnet, connectivityType = 'public' }]): LabNatGateway => ({
      ...{ key, subnet, connectivityType },
      name: nameInLab(lab, key),
    }),
  )
  const peerings = Object.entries(manifest.peerings ?? {}).map(
    ([key, { peer, routesBack = true }]): LabPeering => ({ ...{ key, peer, routesBack }, name: nameInLab(lab, key) }),
  )
  const leadsTo = (target: string) => subnets.some(({ routes }) => [...routes.values()].includes(target))
  return {
    cidr: normaliseCidr(vpc.cidr) ?? vpc.cidr,
    hasIpv6: vpc.ipv6 ?? false,
    hasEgressOnly: leadsTo('egressOnly'),
    hasInternet:
      leadsTo('internet') ||
      natGateways.some(({ connectivityType }) => connectivityType === 'public') ||
      Object.values(manifest.instances ?? {}).some(({ elasticIp }) => elasticIp === true),
    subnets: new Map(subnets.map((subnet) => [subnet.key, subnet])),
    natGateways: new Map(natGateways.map((gateway) => [gateway.key, gateway])),
    peerings: new Map(peerings.map((peering) => [peering.key, peering])),
  }
}

/** One instance carries for a subnet: the first of a count. */
function targetAddress(target: string): string {
  return target.startsWith('instances.') ? `${target}[0]` : target
}
