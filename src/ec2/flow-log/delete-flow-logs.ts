import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { idNotFound, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'

/** DeleteFlowLogs: what they have gathered is still delivered. */
export function deleteFlowLogs({ store, networks, flows }: Domain): Ec2Mutation<'DeleteFlowLogs'> {
  return {
    kind: 'mutation',
    parameters: ['FlowLogIds'],
    // What has passed until now is theirs.
    prepare: async () => {
      await flows.read()
      return undefined
    },
    apply: (context, input) => {
      const ids = [...new Set(input.FlowLogIds ?? [])]
      if (ids.length === 0) throw missingParameter('FlowLogIds')
      for (const id of ids) requireWellFormed('fl', id)
      const found = ids.flatMap((id) => store.flowLogs.get(context, id) ?? [])
      const missing = ids.filter((id) => !found.some((record) => record.id === id))
      for (const { id } of found) removeFlowLog(store, id)
      context.afterCommit(async () => {
        await flows.conclude(found.map(({ id }) => id))
        for (const vpcId of new Set(found.map((record) => record.vpcId))) networks.refreshSoon(vpcId)
      })
      return {
        Unsuccessful: missing.map((id) => {
          const { code, message } = idNotFound('fl', [id])
          return { ResourceId: id, Error: { Code: code, Message: message } }
        }),
      }
    },
  }
}

/** A resource that goes takes its flow logs along; what they have gathered is delivered when its interval is over. */
export function forgetFlowLogsOf(store: Store, resourceId: string): void {
  for (const { id } of store.flowLogs.listBy('resourceId', resourceId)) removeFlowLog(store, id)
}

function removeFlowLog(store: Store, id: string): void {
  store.flowLogs.remove(id)
  store.tags.removeAll(id)
}
