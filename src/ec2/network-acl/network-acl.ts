import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store } from '../ports/store.ts'

/** An entry; what none matches is denied (EC2 tells that as an entry of its own, 32767). One of the CIDR blocks is set. */
export interface NetworkAclEntry {
  readonly ruleNumber: number
  readonly isEgress: boolean
  /** `-1` or a protocol number. */
  readonly protocol: string
  readonly action: 'allow' | 'deny'
  readonly cidrIpv4?: string
  readonly cidrIpv6?: string
  /** Of TCP and UDP; absent otherwise. */
  readonly fromPort?: number
  readonly toPort?: number
  /** Of ICMP, -1 for all; absent otherwise. */
  readonly icmpType?: number
  readonly icmpCode?: number
}

/** Which subnet has the ACL. */
export interface NetworkAclAssociation {
  readonly id: string
  readonly subnetId: string
}

export interface NetworkAclRecord extends ResourceRecord {
  readonly vpcId: string
  readonly isDefault: boolean
  readonly entries: readonly NetworkAclEntry[]
  /** Those that were made by request; see associationsOf. */
  readonly associations: readonly NetworkAclAssociation[]
}

/** The caller's ACL of that id. Throws InvalidNetworkAclId.Malformed, InvalidNetworkAclID.NotFound. */
export function findNetworkAcl(store: Store, scope: Scope, id: string | undefined): NetworkAclRecord {
  return findOne('acl', id ?? '', (known) => store.networkAcls.get(scope, known))
}

/** The subnets of an ACL. The default one has those that no other was asked for, new ones included, so that no subnet is without. */
export function associationsOf(store: Store, acl: NetworkAclRecord): NetworkAclAssociation[] {
  const asked = acl.associations.filter(({ subnetId }) => store.subnets.find(subnetId) !== undefined)
  if (!acl.isDefault) return asked
  const acls = store.networkAcls.listBy('vpcId', acl.vpcId)
  const claimed = new Set(acls.flatMap(({ associations }) => associations.map(({ subnetId }) => subnetId)))
  const others = store.subnets.listBy('vpcId', acl.vpcId).filter(({ id }) => !claimed.has(id))
  return [...asked, ...others.map(({ id }) => ({ id: id.replace('subnet-', 'aclassoc-'), subnetId: id }))]
}
