import type { AclEntry, InterfaceNetwork, SubnetAcl, SubnetNetwork, VpcNetwork } from '../ec2/ports/network.ts'
import { ruleLine, set } from './rule-line.ts'

/** A subnet whose edge does not let everything pass. */
export interface FilteredSubnet extends SubnetNetwork {
  readonly acl: SubnetAcl
}

/** Those with a machine. */
export function filteredSubnets({ subnets, interfaces }: VpcNetwork): FilteredSubnet[] {
  const inhabited = new Set(interfaces.map(({ subnetId }) => subnetId))
  return subnets.flatMap(({ acl, ...subnet }) => (acl && inhabited.has(subnet.id) ? [{ ...subnet, acl }] : []))
}

/** The set of a subnet's taps: what goes from one of them to another does not cross the subnet's edge. */
export function subnetSet({ id }: SubnetNetwork, interfaces: readonly InterfaceNetwork[]): string {
  const taps = interfaces.filter(({ subnetId }) => subnetId === id).map(({ tapName }) => `"${tapName}"`)
  return set(tapsOf(id), 'ifname', taps)
}

/**
 * Network ACLs as chains: `subnet_edges` returns what may cross all the edges on its way, in either direction, each packet on its
 * own. The first entry that matches decides; what none matches is dropped.
 */
export function subnetChains(subnets: readonly FilteredSubnet[]): string[] {
  if (subnets.length === 0) return []
  return [
    ...subnets.flatMap(({ id, acl }) => [
      ...chain(`${nameOf(id)}_in`, acl.ingress, 'saddr'),
      ...chain(`${nameOf(id)}_out`, acl.egress, 'daddr'),
    ]),
    '  chain subnet_edges {',
    ...subnets.flatMap(({ id }) => [
      `    iifname @${tapsOf(id)} oifname != @${tapsOf(id)} jump ${nameOf(id)}_out`,
      `    oifname @${tapsOf(id)} iifname != @${tapsOf(id)} jump ${nameOf(id)}_in`,
    ]),
    '  }',
  ]
}

function chain(name: string, entries: readonly AclEntry[], direction: 'saddr' | 'daddr'): string[] {
  const verdict = (entry: AclEntry) => (entry.isAllowed ? 'return' : 'drop')
  return [
    `  chain ${name} {`,
    ...entries.flatMap((entry) => ruleLine(entry, direction, verdict(entry), new Set())),
    '    drop',
    '  }',
  ]
}

function nameOf(subnetId: string): string {
  return subnetId.replace('-', '_')
}

function tapsOf(subnetId: string): string {
  return `${nameOf(subnetId)}_taps`
}
