import type { AclEntry, SubnetAcl } from '../ec2/ports/firewall.ts'
import type { SubnetNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { familiesOf } from './family.ts'
import { devicesBySubnet } from './routing-table.ts'
import { type RuleScope, ruleLine, set } from './rule-line.ts'

/** A subnet whose edge does not let everything pass. */
export interface FilteredSubnet extends SubnetNetwork {
  readonly acl: SubnetAcl
}

/** Those with a machine or a NAT gateway. */
export function filteredSubnets(vpc: VpcNetwork): FilteredSubnet[] {
  const inhabited = devicesBySubnet(vpc)
  return vpc.subnets.flatMap(({ acl, ...subnet }) => (acl && inhabited.has(subnet.id) ? [{ ...subnet, acl }] : []))
}

/** The set of a subnet's devices: what goes from one of them to another does not cross the subnet's edge. */
export function subnetSet({ id }: SubnetNetwork, vpc: VpcNetwork): string {
  const devices = devicesBySubnet(vpc).get(id) ?? []
  return set(
    tapsOf(id),
    'ifname',
    devices.map((device) => `"${device}"`),
  )
}

/**
 * Network ACLs as chains: `subnets_left` and `subnets_entered` return what may cross the edge of the subnet that it comes from, and of
 * the one that it goes to, each packet on its own. The first entry that matches decides; what none matches is refused.
 */
export function subnetChains(subnets: readonly FilteredSubnet[], vpc: VpcNetwork): string[] {
  if (subnets.length === 0) return []
  const scope: RuleScope = { families: familiesOf(vpc), peers: new Set(), remote: new Set() }
  return [
    ...subnets.flatMap(({ id, acl }) => [
      ...chain(`${nameOf(id)}_in`, acl.ingress, 'saddr', 'goto refused_entering', scope),
      ...chain(`${nameOf(id)}_out`, acl.egress, 'daddr', 'goto refused_leaving', scope),
    ]),
    '  chain subnets_left {',
    ...subnets.map(({ id }) => `    iifname @${tapsOf(id)} oifname != @${tapsOf(id)} jump ${nameOf(id)}_out`),
    '  }',
    '  chain subnets_entered {',
    ...subnets.map(({ id }) => `    oifname @${tapsOf(id)} iifname != @${tapsOf(id)} jump ${nameOf(id)}_in`),
    '  }',
  ]
}

function chain(
  name: string,
  entries: readonly AclEntry[],
  direction: 'saddr' | 'daddr',
  refusal: string,
  scope: RuleScope,
): string[] {
  const verdict = (entry: AclEntry) => (entry.isAllowed ? 'return' : refusal)
  return [
    `  chain ${name} {`,
    ...entries.flatMap((entry) => ruleLine(entry, direction, verdict(entry), scope)),
    `    ${refusal}`,
    '  }',
  ]
}

function nameOf(subnetId: string): string {
  return subnetId.replace('-', '_')
}

function tapsOf(subnetId: string): string {
  return `${nameOf(subnetId)}_taps`
}
