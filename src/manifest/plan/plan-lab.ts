import type { HostFacts } from '../host-facts.ts'
import type { Goal, Lab } from '../lab.ts'
import type { Observed } from '../observed.ts'
import { planDnsZoneRemoval, planDnsZones } from './plan-dns.ts'
import { planFaultRemoval, planFaults } from './plan-fault.ts'
import { finishPlan, type Operation, operationId, type Plan, type PlanDraft } from './plan.ts'
import { ownGroups, planGroupRemoval, planGroups } from './plan-group.ts'
import { planImageRemoval, planImages } from './plan-image.ts'
import { planInstances, planTermination } from './plan-instance.ts'
import { ownKeyPairs, planKeyPairRemoval, planKeyPairs } from './plan-key-pair.ts'
import { planNetwork } from './plan-network.ts'
import { orderNetworkRemovals, planNetworkRemoval } from './plan-network-removal.ts'
import { planPipelineRemoval, planPipelines } from './plan-pipeline.ts'
import { planScheduleRemoval, planSchedules } from './plan-schedule.ts'
import { planWaits } from './plan-wait.ts'
import { planCoolingOfAll, planWarmth } from './plan-warmth.ts'

/** What brings the lab to what its manifest says. Pure: nothing is asked and nothing is done. */
export function planUp(lab: Lab, observed: Observed, facts: HostFacts, goal?: Goal): Plan {
  const draft = emptyDraft()
  planPipelines(draft, lab, observed)
  planImages(draft, lab, observed)
  planWarmth(draft, { lab, observed, facts })
  const replacedKeyPairs = planKeyPairs(draft, lab, observed)
  planGroups(draft, lab, observed)
  const boots = planInstances(draft, { lab, observed, facts, replacedKeyPairs })
  planNetwork(draft, lab, observed)
  planSchedules(draft, lab, observed, boots)
  planWaits(draft, lab, observed, boots, goal)
  planDnsZones(draft, lab, observed)
  planFaults(draft, lab, observed)
  return finishPlan(lab.name, orderRemovals(draft, lab, observed))
}

/** What takes away everything that the lab has made; images only when told so. */
export function planDown(lab: Lab, observed: Observed, options: { images: boolean }): Plan {
  const draft = emptyDraft()
  for (const instance of observed.instances) {
    if (instance.record.State?.Name !== 'shutting-down') planTermination(draft, instance)
  }
  for (const { Name: name } of observed.schedules) planScheduleRemoval(draft, name)
  for (const zone of observed.zones) planDnsZoneRemoval(draft, zone)
  for (const fault of observed.faults) planFaultRemoval(draft, fault)
  const groups = ownGroups(lab, observed)
  for (const group of groups) planGroupRemoval(draft, lab, groups, group)
  for (const keyPair of ownKeyPairs(lab, observed)) planKeyPairRemoval(draft, lab, keyPair)
  for (const { Name: name } of observed.pipelines) planPipelineRemoval(draft, lab, name)
  planNetworkRemoval(draft, observed)
  planCoolingOfAll(draft, lab, observed, options)
  if (options.images) planImageRemoval(draft, lab, observed)
  return finishPlan(lab.name, orderRemovals(draft, lab, observed))
}

function emptyDraft(): PlanDraft {
  return { changes: [], operations: [], refusals: [], known: new Map() }
}

/**
 * Instances go before those that they depend on, and security groups when no instance has them any more: an interface keeps
 * its groups until its instance is terminated, so those that are on their way out are waited for too.
 */
function orderRemovals(draft: PlanDraft, lab: Lab, observed: Observed): PlanDraft {
  const hasGroupsToDelete = draft.operations.some(({ kind }) => kind === 'delete-group' || kind === 'delete-subnet')
  const ending = hasGroupsToDelete
    ? observed.instances.filter(({ record }) => record.State?.Name === 'shutting-down')
    : []
  const operations: Operation[] = [
    ...draft.operations,
    ...ending.map(({ address, record }): Operation => {
      const instanceId = record.InstanceId ?? ''
      return { kind: 'terminate-instance', id: operationId.terminate(address, instanceId), instanceId, after: [] }
    }),
  ]
  const releasing = operations.filter(({ kind }) => kind === 'terminate-instance' || kind === 'change-instance')
  const dependents = findDependents(lab, observed)
  const ordered = operations.map((operation) => {
    if (operation.kind === 'delete-group') {
      return { ...operation, after: [...operation.after, ...releasing.map(({ id }) => id)] }
    }
    if (operation.kind !== 'terminate-instance') return operation
    return { ...operation, after: [...operation.after, ...(dependents.get(operation.id) ?? [])] }
  })
  return { ...draft, operations: orderNetworkRemovals(ordered) }
}

/** For each termination those that come before it. */
function findDependents(lab: Lab, observed: Observed): Map<string, string[]> {
  const terminationsOf = (key: string) =>
    observed.instances
      .filter(({ address }) => address.startsWith(`instances.${key}[`))
      .map(({ address, record }) => operationId.terminate(address, record.InstanceId ?? ''))
  const dependents = new Map<string, string[]>()
  for (const { key, dependsOn } of lab.instances.values()) {
    for (const dependency of dependsOn.keys()) {
      for (const id of terminationsOf(dependency)) {
        dependents.set(id, [...(dependents.get(id) ?? []), ...terminationsOf(key)])
      }
    }
  }
  return dependents
}
