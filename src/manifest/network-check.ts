import type { Problem } from './problem.ts'

/** Sections of a manifest, whose entries may have any form. */
export interface NetworkSections {
  readonly subnets: Readonly<Record<string, unknown>>
  readonly natGateways: Readonly<Record<string, unknown>>
  readonly peerings: Readonly<Record<string, unknown>>
  readonly instances: Readonly<Record<string, unknown>>
}

/** What parts of a manifest say of the network that does not fit together. */
export function findNetworkProblems(vpc: unknown, { instances, ...ofVpc }: NetworkSections): Problem[] {
  if (vpc === undefined) {
    const sections = Object.entries(ofVpc).filter(([, entries]) => Object.keys(entries).length > 0)
    return sections.map(([section]) => ({
      path: [section],
      message: 'needs a vpc of the lab: `vpc: { cidr: 10.0.0.0/16 }`.',
    }))
  }
  const strays = Object.entries(instances)
    .filter(([, instance]) => (Object(instance) as { subnet?: unknown }).subnet === undefined)
    .map(([key]) => ({ path: ['instances', key], message: 'needs a subnet: the lab has a VPC of its own.' }))
  return [...strays, ...findIpv6Problems(vpc, ofVpc.subnets)]
}

/** An entry of `subnets` as it is written, which may have any form. */
interface SubnetText {
  readonly ipv6?: unknown
  readonly assignIpv6?: unknown
  readonly routes?: unknown
}

function findIpv6Problems(vpc: unknown, subnets: NetworkSections['subnets']): Problem[] {
  const hasIpv6 = (Object(vpc) as { ipv6?: unknown }).ipv6 === true
  const needsVpc = 'needs `ipv6: true` of the vpc.'
  const owners = new Map<unknown, string>()
  return Object.entries(subnets).flatMap(([key, value]): Problem[] => {
    const { ipv6, assignIpv6, routes } = Object(value) as SubnetText
    const hasBlock = ipv6 === true || typeof ipv6 === 'number'
    const owner = typeof ipv6 === 'number' ? owners.get(ipv6) : undefined
    if (typeof ipv6 === 'number' && owner === undefined) owners.set(ipv6, key)
    const tell = (name: string, message: string): Problem => ({ path: ['subnets', key, name], message })
    return [
      ...(hasBlock && !hasIpv6 ? [tell('ipv6', needsVpc)] : []),
      ...(owner === undefined ? [] : [tell('ipv6', `subnets.${owner} has this number already.`)]),
      ...(assignIpv6 === true && !hasBlock ? [tell('assignIpv6', 'needs `ipv6` of the subnet.')] : []),
      ...Object.entries(Object(routes) as object).flatMap(([destination, target]): Problem[] => {
        const message =
          routeProblem(destination, String(target)) ?? (hasIpv6 || !isIpv6(destination) ? undefined : needsVpc)
        return message === undefined ? [] : [{ path: ['subnets', key, 'routes', destination], message }]
      }),
    ]
  })
}

function isIpv6(destination: string): boolean {
  return destination.includes(':')
}

/** Why a target does not carry what a route leads to it. */
function routeProblem(destination: string, target: string): string | undefined {
  if (isIpv6(destination)) {
    return target.startsWith('natGateways.') ? 'a NAT gateway does not carry IPv6: egressOnly does.' : undefined
  }
  return target === 'egressOnly' ? 'an egress-only gateway carries IPv6 alone: a NAT gateway carries IPv4.' : undefined
}
