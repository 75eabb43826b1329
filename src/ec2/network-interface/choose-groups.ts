import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { findAll } from '../ids.ts'
import type { Scope } from '../ports/store.ts'
import { findGroupsByName, refuseTooManyGroups } from '../security-group/find-group.ts'

/** The groups of an interface: those that the client names, else the VPC's default one. All must be the VPC's own. */
export function chooseInterfaceGroups(
  { store, settings }: Domain,
  scope: Scope,
  vpcId: string,
  ids: readonly string[] = [],
): string[] {
  if (ids.length === 0) return findGroupsByName(store, vpcId, ['default']).map(({ id }) => id)
  const groups = findAll('sg', ids, (id) => store.securityGroups.get(scope, id))
  const stranger = groups.find((group) => group.vpcId !== vpcId)
  if (stranger) {
    throw new Ec2Error('InvalidParameter', `Security group ${stranger.id} does not belong to the network ${vpcId}.`)
  }
  refuseTooManyGroups(settings.quotas, groups)
  return groups.map(({ id }) => id)
}
