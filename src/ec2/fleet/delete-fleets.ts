import type { DeleteFleetErrorItem, DeleteFleetSuccessItem } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { requireWellFormed } from '../ids.ts'
import { terminateInstances } from '../instance/change-state.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { fleetStateOf } from './describe-fleets.ts'
import { type FleetRecord, instanceIdsOf } from './fleet.ts'

/** Deletes fleets with their instances: a fleet of type instant cannot be deleted without them. */
export function deleteFleets(domain: Domain): Ec2Mutation<'DeleteFleets'> {
  return {
    kind: 'mutation',
    parameters: ['FleetIds', 'TerminateInstances'],
    apply: (context, input) => {
      const deleted: DeleteFleetSuccessItem[] = []
      const refused: DeleteFleetErrorItem[] = []
      for (const id of new Set(input.FleetIds)) {
        const error = tryDelete(domain, context, id, input.TerminateInstances ?? false, deleted)
        if (error) refused.push({ FleetId: id, Error: error })
      }
      return { SuccessfulFleetDeletions: deleted, UnsuccessfulFleetDeletions: refused }
    },
  }
}

/** Adds to `deleted`, or tells why not. */
function tryDelete(
  domain: Domain,
  context: MutationContext,
  id: string,
  isTerminating: boolean,
  deleted: DeleteFleetSuccessItem[],
): DeleteFleetErrorItem['Error'] {
  const { store } = domain
  try {
    requireWellFormed('fleet', id)
  } catch (error) {
    if (error instanceof Ec2Error) return { Code: 'fleetIdMalformed', Message: error.message }
    throw error
  }
  const fleet = store.fleets.get(context, id)
  if (!fleet) return { Code: 'fleetIdDoesNotExist', Message: `The fleet ID '${id}' does not exist` }
  if (fleet.deletedAt !== undefined) {
    return { Code: 'fleetNotInDeletableState', Message: `The fleet '${id}' is deleted already.` }
  }
  if (!isTerminating) {
    return {
      Code: 'fleetNotInDeletableState',
      Message: `The fleet '${id}' is of type instant, which is deleted with its instances only: set TerminateInstances.`,
    }
  }
  try {
    terminateAll(domain, context, fleet)
  } catch (error) {
    if (error instanceof Ec2Error) return { Code: 'unexpectedError', Message: error.message }
    throw error
  }
  const changed = { ...fleet, deletedAt: context.now.toISOString() }
  store.fleets.replace(changed)
  deleted.push({ FleetId: id, PreviousFleetState: 'active', CurrentFleetState: fleetStateOf(store, changed) })
  return undefined
}

function terminateAll(domain: Domain, context: MutationContext, fleet: FleetRecord): void {
  const ids = instanceIdsOf(fleet).filter((id) => domain.store.instances.get(context, id))
  if (ids.length > 0) terminateInstances(domain).apply(context, { InstanceIds: ids }, undefined)
}
