import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { Scope } from '../ports/store.ts'
import type { NetworkAclRecord } from './network-acl.ts'

/** The ACL that EC2 makes with every VPC: everything may cross the edges of its subnets. */
export function makeDefaultNetworkAcl(
  { random }: Pick<Domain, 'random'>,
  { accountId, region }: Scope,
  vpcId: string,
): NetworkAclRecord {
  const all = { ruleNumber: 100, protocol: '-1', action: 'allow', cidrIpv4: '0.0.0.0/0' } as const
  return {
    accountId,
    region,
    id: newId('acl', random),
    vpcId,
    isDefault: true,
    entries: [
      { ...all, isEgress: true },
      { ...all, isEgress: false },
    ],
    associations: [],
  }
}
