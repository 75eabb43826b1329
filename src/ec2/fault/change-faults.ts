import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, unsupportedOperation } from '../errors.ts'
import { findAll, newId } from '../ids.ts'
import type { MutationContext } from '../operation.ts'
import { type FaultEffect, type FaultRecord, namedBy } from './fault.ts'
import { requireTarget } from './fault-target.ts'

/** More than anybody follows; each costs a rule or two a packet. */
const maximumFaults = 100

/** Refuses a delay on a host whose kernel has none. */
export async function requirePossible({ networks }: Domain, kind: FaultEffect['kind']): Promise<void> {
  if (kind !== 'delay') return
  const problem = await networks.delayProblem()
  if (problem !== undefined) throw unsupportedOperation(`A delay is not possible: ${problem}.`)
}

/** From now on, for so many seconds. In effect when the call returns. */
export function injectFault(
  { store, random, events, faults }: Domain,
  context: MutationContext,
  wanted: {
    readonly effect: FaultEffect
    readonly targets: readonly string[]
    readonly durationSeconds: number
    readonly name?: string
  },
): FaultRecord {
  const { effect, targets, durationSeconds, name } = wanted
  if (effect.kind === 'api' && targets.length > 0) {
    throw invalidParameterCombination('A fault of the API is on the account: it has no Targets.')
  }
  if (effect.kind !== 'api' && targets.length === 0) {
    throw invalidParameterCombination(`A fault of the kind ${effect.kind} needs Targets.`)
  }
  for (const id of namedBy({ effect, targets })) requireTarget(store, context, id)
  if (store.faults.list(context).length >= maximumFaults) {
    throw new Ec2Error('FaultLimitExceeded', `There are ${maximumFaults} faults already. Clear some of them.`)
  }
  const { accountId, region, now } = context
  const fault: FaultRecord = {
    id: newId('fault', random),
    accountId,
    region,
    ...(name === undefined ? {} : { name }),
    effect,
    targets,
    startedAt: now.toISOString(),
    endsAt: new Date(now.getTime() + durationSeconds * 1000).toISOString(),
  }
  store.faults.insert(fault)
  const on = targets.length > 0 ? ` on ${targets.join(', ')}` : ''
  events.publish({
    kind: 'fault',
    resourceId: fault.id,
    message: `${fault.id} (${effect.kind}${on}) lasts until ${fault.endsAt}`,
  })
  context.afterCommit(async () => {
    faults.refresh()
    await faults.refreshNetworks([fault])
  })
  return fault
}

/** Ends faults before their time. All is as before when the call returns. */
export function clearFaults({ store, events, faults }: Domain, context: MutationContext, ids: readonly string[]): void {
  const found = findAll('fault', ids, (id) => store.faults.get(context, id))
  for (const { id } of found) {
    events.publish({ kind: 'fault', resourceId: id, message: `${id} is cleared` })
    store.faults.remove(id)
  }
  context.afterCommit(async () => {
    faults.refresh()
    await faults.refreshNetworks(found)
  })
}
