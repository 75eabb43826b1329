import type { Goal, Lab } from '../lab.ts'
import type { Observed } from '../observed.ts'
import { operationId, type PlanDraft } from './plan.ts'
import { addressesOf, type PlannedBoots } from './plan-instance.ts'

/** Plans the waits that were asked for, and those that dependents need. Instances that are stopped are not waited for. */
export function planWaits(
  draft: PlanDraft,
  lab: Lab,
  observed: Observed,
  { launched, booting }: PlannedBoots,
  goal: Goal | undefined,
): void {
  const wanted = new Map<string, { address: string; goal: Goal }>()
  const want = (address: string, reached: Goal) =>
    wanted.set(operationId.await(address, reached), { address, goal: reached })
  for (const instance of lab.instances.values()) {
    const addresses = addressesOf(lab, instance.key)
    if (goal) for (const address of addresses) want(address, goal)
    if (!addresses.some((address) => launched.has(address))) continue
    for (const [key, reached] of instance.dependsOn) {
      for (const address of addressesOf(lab, key)) want(address, reached)
    }
  }
  for (const [id, { address, goal: reached }] of wanted) {
    const found = observed.instances.find((instance) => instance.address === address)
    const state = found?.record.State?.Name ?? ''
    const isSettled = ['stopped', 'stopping'].includes(state) || (state === 'running' && reached === 'running')
    if (isSettled && !booting.has(address)) continue
    draft.operations.push({
      kind: 'await-instance',
      id,
      address,
      goal: reached,
      after: [operationId.launch(address), operationId.changeType(address)],
    })
  }
}
