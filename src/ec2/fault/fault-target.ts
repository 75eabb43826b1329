import { invalidParameterValue } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { Scope, Store } from '../ports/store.ts'

/** What a fault may be on, by the prefix of its id. */
type Target = 'i' | 'eni' | 'sg' | 'subnet' | 'vpc'

type TargetStore = Pick<Store, 'instances' | 'interfaces' | 'securityGroups' | 'subnets' | 'vpcs'>

/** Throws EC2's error of an id that is malformed, or belongs to nothing of the caller's. */
export function requireTarget(store: TargetStore, scope: Scope, id: string): void {
  const prefix = prefixOf(id)
  if (prefix === undefined) {
    throw invalidParameterValue(
      'Targets',
      id.slice(0, 80),
      'Expected the id of an instance, interface, security group, subnet or VPC.',
    )
  }
  const find: Record<Target, () => unknown> = {
    i: () => findOne('i', id, () => store.instances.get(scope, id)),
    eni: () => findOne('eni', id, () => store.interfaces.get(scope, id)),
    sg: () => findOne('sg', id, () => store.securityGroups.get(scope, id)),
    subnet: () => findOne('subnet', id, () => store.subnets.get(scope, id)),
    vpc: () => findOne('vpc', id, () => store.vpcs.get(scope, id)),
  }
  find[prefix]()
}

/** The interfaces that are of, or in, one of the targets now. */
export function listTargetedInterfaces(
  store: Pick<Store, 'interfaces'>,
  targets: readonly string[],
): Map<string, InterfaceRecord> {
  const found = targets.flatMap((id): (InterfaceRecord | undefined)[] => {
    switch (prefixOf(id)) {
      case 'i':
        return store.interfaces.listBy('attachment.instanceId', id)
      case 'eni':
        return [store.interfaces.find(id)]
      case 'sg':
        return store.interfaces.listBy('groupIds[]', id)
      case 'subnet':
        return store.interfaces.listBy('subnetId', id)
      case 'vpc':
        return store.interfaces.listBy('vpcId', id)
      default:
        return []
    }
  })
  return new Map(found.flatMap((record) => (record ? [[record.id, record] as const] : [])))
}

/** The VPCs whose packets a fault on these may be about. */
export function vpcsOfTargets(store: TargetStore, targets: readonly string[]): Set<string> {
  const own = targets.flatMap(
    (id) => store.vpcs.find(id)?.id ?? store.subnets.find(id)?.vpcId ?? store.securityGroups.find(id)?.vpcId ?? [],
  )
  const ofInterfaces = [...listTargetedInterfaces(store, targets).values()].map(({ vpcId }) => vpcId)
  return new Set([...own, ...ofInterfaces])
}

function prefixOf(id: string): Target | undefined {
  const prefix = id.slice(0, id.lastIndexOf('-'))
  return (['i', 'eni', 'sg', 'subnet', 'vpc'] as const).find((known) => known === prefix)
}
