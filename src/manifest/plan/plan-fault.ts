import type { FaultDescription } from '../../api/kiln/fault.ts'
import { goals, type Lab, type LabFault } from '../lab.ts'
import type { Observed } from '../observed.ts'
import { operationId, type PlanDraft } from './plan.ts'
import { addressesOf } from './plan-instance.ts'

/**
 * Faults begin when the instances that they are on are there. One that is over begins again; one that lasts is left alone, unless it has become another
 * one, or is on something that is made anew.
 */
export function planFaults(draft: PlanDraft, lab: Lab, observed: Observed): void {
  const lasting = new Map(observed.faults.map((fault) => [fault.Name ?? '', fault]))
  for (const fault of lab.faults.values()) {
    const address = `faults.${fault.key}`
    const found = lasting.get(fault.name)
    lasting.delete(fault.name)
    if (found && isSame(draft, lab, fault, found)) continue
    draft.changes.push({
      address,
      action: found ? 'replace' : 'create',
      ...(found ? { id: found.FaultId } : {}),
      details: [{ name: 'kind', new: describeEffect(fault) }],
    })
    if (found) planFaultRemoval(draft, found)
    const targets = expand(lab, fault.targets)
    const against = expand(lab, fault.against)
    draft.operations.push({
      kind: 'inject-fault',
      id: operationId.injectFault(address),
      fault: { ...fault, targets, against },
      after: [
        ...(found ? [operationId.clearFault(found.FaultId)] : []),
        ...groupsOf(fault).map((group) => operationId.createGroup(group)),
        ...instancesUnder(lab, fault).flatMap((instance) => [
          operationId.launch(instance),
          // A lab that is waited for comes up before anything goes wrong.
          ...goals.map((goal) => operationId.await(instance, goal)),
        ]),
      ],
    })
  }
  for (const [name, found] of lasting) {
    const address = `faults.${name.slice(lab.name.length + 1)}`
    draft.changes.push({ address, action: 'delete', id: found.FaultId, details: [] })
    planFaultRemoval(draft, found)
  }
}

/** Plans that a fault is cleared. */
export function planFaultRemoval(draft: PlanDraft, { FaultId: id }: FaultDescription): void {
  draft.operations.push({ kind: 'clear-fault', id: operationId.clearFault(id), faultId: id, after: [] })
}

function isSame(draft: PlanDraft, lab: Lab, fault: LabFault, found: FaultDescription): boolean {
  const isOn = (targets: readonly string[], ids: readonly string[]) => {
    const wanted = expand(lab, targets).map((address) => draft.known.get(address))
    const areMadeAnew = expand(lab, targets).some((address) =>
      draft.operations.some(({ id }) => id === operationId.launch(address)),
    )
    return !areMadeAnew && wanted.length === ids.length && wanted.every((id) => id !== undefined && ids.includes(id))
  }
  const hasEffect = Object.entries(fault.effect).every(
    ([member, value]) => found[member as keyof FaultDescription] === value,
  )
  const isAsJittery = found.JitterMs === fault.effect.JitterMs
  return hasEffect && isAsJittery && isOn(fault.targets, found.Targets) && isOn(fault.against, found.Against ?? [])
}

/** The addresses of the instances that will feel the fault: of a group, those that have it; of the API, all. */
function instancesUnder(lab: Lab, fault: LabFault): string[] {
  const named = new Set([...fault.targets, ...fault.against])
  const groups = groupsOf(fault)
  const felt = [...lab.instances.values()].filter(
    ({ key, securityGroups }) =>
      named.size === 0 || named.has(`instances.${key}`) || securityGroups.some((group) => groups.includes(group)),
  )
  return felt.flatMap(({ key }) => addressesOf(lab, key))
}

/** Keys of the security groups that it is on. */
function groupsOf({ targets, against }: LabFault): string[] {
  const prefix = 'securityGroups.'
  return [...targets, ...against].flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
}

/** The addresses of what is named: of an instance, all of its count. */
function expand(lab: Lab, names: readonly string[]): string[] {
  return names.flatMap((name) =>
    name.startsWith('instances.') ? addressesOf(lab, name.slice('instances.'.length)) : [name],
  )
}

function describeEffect({ effect }: LabFault): string {
  return Object.values(effect).join(' ')
}
