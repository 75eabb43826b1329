import type { FirewallGroup } from '../ec2/ports/firewall.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { familiesOf } from './family.ts'
import { addressesOf } from './interface-address.ts'

/** Where groups' rules are. */
interface GroupChains {
  readonly groups: readonly FirewallGroup[]
  readonly chainOf: (groupId: string, direction: 'in' | 'out') => string
}

/**
 * What goes through an EC2 Instance Connect Endpoint begins at one of its addresses in this namespace: it must pass the endpoint's groups on the
 * way out and the instance's on the way in. `rules` stand in the chain of what begins here. Pure.
 */
export function connectEndpointRuleset(
  vpc: VpcNetwork,
  { groups, chainOf }: GroupChains,
): { readonly chains: string[]; readonly rules: string[] } {
  const { connectEndpoints: endpoints = [], interfaces } = vpc
  if (endpoints.length === 0) return { chains: [], rules: [] }
  const families = familiesOf(vpc)
  const present = (groupIds: readonly string[]) => groupIds.filter((id) => groups.some((group) => group.id === id))
  return {
    chains: [
      '  chain connect_endpoints {',
      '    ct state established,related accept',
      ...endpoints.flatMap((endpoint) =>
        families.flatMap((family) =>
          addressesOf(endpoint, family).flatMap((address) =>
            present(endpoint.groupIds).map((id) => `    ${family.ip} saddr ${address} jump ${chainOf(id, 'out')}`),
          ),
        ),
      ),
      '    meta mark != 1 drop',
      '    meta mark set 0',
      ...interfaces.flatMap(({ tapName, groupIds }) =>
        present(groupIds).map((id) => `    oifname "${tapName}" jump ${chainOf(id, 'in')}`),
      ),
      '    drop',
      '  }',
    ],
    rules: families.flatMap((family) => {
      const addresses = endpoints.flatMap((endpoint) => addressesOf(endpoint, family))
      return addresses.length === 0 ? [] : [`    ${family.ip} saddr { ${addresses.join(', ')} } goto connect_endpoints`]
    }),
  }
}
