import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'

type BlockState = 'unblocked' | 'block-new-sharing' | 'block-all-sharing'

/** Whether an account's snapshots in a region may be public ("Block public access for snapshots"). */
export const snapshotBlockPublicAccess = defineAccountSetting<{ state: BlockState }>('snapshot-block-public-access', {
  state: 'unblocked',
})

/** Throws OperationNotPermitted when the account may make no snapshot public. */
export function requirePublicSnapshotsAllowed(store: Store, scope: Scope): void {
  if (snapshotBlockPublicAccess.get(store, scope).state === 'unblocked') return
  throw new Ec2Error(
    'OperationNotPermitted',
    "You can't publicly share this snapshot because block public access for snapshots is enabled for this account in this Region. To publicly share the snapshot, you must call the DisableSnapshotBlockPublicAccess API.",
  )
}

export function getSnapshotBlockPublicAccessState({ store }: Domain): Ec2Query<'GetSnapshotBlockPublicAccessState'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => ({ State: snapshotBlockPublicAccess.get(store, context).state, ManagedBy: 'account' }),
  }
}

export function enableSnapshotBlockPublicAccess({ store }: Domain): Ec2Mutation<'EnableSnapshotBlockPublicAccess'> {
  return {
    kind: 'mutation',
    parameters: ['State'],
    apply: (context, { State: state }) => {
      if (state === undefined) throw missingParameter('State')
      if (state !== 'block-new-sharing' && state !== 'block-all-sharing') {
        throw invalidParameterValue('state', state, 'Expected block-all-sharing or block-new-sharing.')
      }
      snapshotBlockPublicAccess.put(store, context, { state })
      return { State: state }
    },
  }
}

export function disableSnapshotBlockPublicAccess({ store }: Domain): Ec2Mutation<'DisableSnapshotBlockPublicAccess'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      snapshotBlockPublicAccess.put(store, context, { state: 'unblocked' })
      return { State: 'unblocked' }
    },
  }
}
