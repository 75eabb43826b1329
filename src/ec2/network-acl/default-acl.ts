import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { Scope } from '../ports/store.ts'
import type { NetworkAclEntry, NetworkAclRecord } from './network-acl.ts'

const all = { protocol: '-1', action: 'allow' } as const
const everyIpv4Entry = { ...all, ruleNumber: 100, cidrIpv4: '0.0.0.0/0' } as const
const everyIpv6Entry = { ...all, ruleNumber: 101, cidrIpv6: '::/0' } as const

/** What the default ACL of a VPC with an IPv6 block has besides, in either direction. */
export const everyIpv6Entries: readonly NetworkAclEntry[] = [
  { ...everyIpv6Entry, isEgress: true },
  { ...everyIpv6Entry, isEgress: false },
]

/** The ACL that EC2 makes with every VPC: everything may cross the edges of its subnets. */
export function makeDefaultNetworkAcl(
  { random }: Pick<Domain, 'random'>,
  { accountId, region }: Scope,
  vpcId: string,
): NetworkAclRecord {
  return {
    accountId,
    region,
    id: newId('acl', random),
    vpcId,
    isDefault: true,
    entries: [
      { ...everyIpv4Entry, isEgress: true },
      { ...everyIpv4Entry, isEgress: false },
    ],
    associations: [],
  }
}

/** Whether a direction of an ACL has what EC2 made it with in a VPC without IPv6, and nothing else. */
export function letsAllIpv4Pass({ entries }: NetworkAclRecord, isEgress: boolean): boolean {
  const [first, ...others] = entries.filter((entry) => entry.isEgress === isEgress)
  return (
    others.length === 0 &&
    first?.ruleNumber === everyIpv4Entry.ruleNumber &&
    first.protocol === everyIpv4Entry.protocol &&
    first.action === everyIpv4Entry.action &&
    first.cidrIpv4 === everyIpv4Entry.cidrIpv4
  )
}
