import type { Domain } from '../domain.ts'
import {
  Ec2Error,
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import { describeDamage, findDamaged } from '../layer/layer-check.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { saveSnapshot } from './save-snapshot.ts'
import type { SnapshotRecord } from './snapshot.ts'
import { archivedAgain, type SnapshotTiering, tierOf } from './tiering.ts'
import { findOwnSnapshot } from './visible-snapshot.ts'

const maximumRestoreDays = 180
const millisecondsPerDay = 24 * 60 * 60 * 1000

/**
 * ModifySnapshotTier: into the archive, as one compressed file. It is there to be used until that is made, and its layer goes as soon as
 * nothing else stands on it. One that was restored for a time goes back at once.
 */
export function modifySnapshotTier(domain: Domain): Ec2Mutation<'ModifySnapshotTier'> {
  const { store, layers, descriptionRefresher } = domain
  return {
    kind: 'mutation',
    parameters: ['SnapshotId', 'StorageTier'],
    apply: (context, input) => {
      const { StorageTier: tier = 'archive' } = input
      if (tier !== 'archive') throw invalidParameterValue('storageTier', tier, 'Expected archive.')
      const snapshot = requireSettled(findOwnSnapshot(domain, context, input.SnapshotId))
      if (snapshot.state !== 'completed') throw incorrectState(snapshot, `is in the '${snapshot.state}' state`)
      if (tierOf(snapshot) === 'archive') throw incorrectState(snapshot, 'is in the archive tier already')
      if (snapshot.encryptionKeyId !== undefined) {
        throw unsupportedOperation(`The snapshot ${snapshot.id} is encrypted: Kiln does not archive those.`)
      }
      const [image] = store.images.listBy('blockDevices[].snapshotId', snapshot.id)
      if (image) {
        throw new Ec2Error('InvalidSnapshot.InUse', `The snapshot ${snapshot.id} is currently in use by ${image.id}`)
      }
      const startTime = context.now.toISOString()
      if (snapshot.archiveLayerId === undefined) {
        begin(domain, context, snapshot, { tier: 'standard', operation: 'archival', state: 'in-progress', startTime })
      } else {
        saveSnapshot(domain, context, archivedAgain(snapshot))
        context.afterCommit(() => void layers.collect().then(() => descriptionRefresher.refreshLayer(snapshot.layerId)))
      }
      return { SnapshotId: snapshot.id, TieringStartTime: context.now }
    },
  }
}

/** RestoreSnapshotTier: out of the archive, for some days or for good; also changes how long one that is restored stays. */
export function restoreSnapshotTier(domain: Domain): Ec2Mutation<'RestoreSnapshotTier'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId', 'TemporaryRestoreDays', 'PermanentRestore'],
    apply: (context, input) => {
      const { TemporaryRestoreDays: restoreDays, PermanentRestore: isPermanent = false } = input
      if (isPermanent && restoreDays !== undefined) {
        throw invalidParameterCombination('TemporaryRestoreDays cannot be used with PermanentRestore')
      }
      if (!isPermanent && restoreDays === undefined) throw missingParameter('TemporaryRestoreDays or PermanentRestore')
      if (restoreDays !== undefined && (restoreDays < 1 || restoreDays > maximumRestoreDays)) {
        throw invalidParameterValue('temporaryRestoreDays', restoreDays, `Expected 1 to ${maximumRestoreDays}.`)
      }
      const snapshot = requireSettled(findOwnSnapshot(domain, context, input.SnapshotId))
      const { tiering } = snapshot
      const isRestored = snapshot.archiveLayerId !== undefined
      if (!tiering || (tiering.tier === 'standard' && !isRestored)) {
        throw incorrectState(snapshot, 'is not in the archive tier')
      }
      const damaged = findDamaged(domain.store, snapshot.archiveLayerId ?? snapshot.layerId)
      if (damaged?.damage) throw incorrectState(snapshot, `is damaged. ${describeDamage(damaged.id, damaged.damage)}`)
      const change = isPermanent
        ? { operation: 'permanent-restore' as const }
        : { operation: 'temporary-restore' as const, ...(restoreDays === undefined ? {} : { restoreDays }) }
      if (isRestored) changeRestored(domain, context, snapshot, tiering, restoreDays)
      else {
        const { detail: _detail, ...kept } = tiering
        begin(domain, context, snapshot, {
          ...kept,
          ...change,
          state: 'in-progress',
          startTime: context.now.toISOString(),
        })
      }
      return {
        SnapshotId: snapshot.id,
        RestoreStartTime: context.now,
        ...(restoreDays === undefined ? {} : { RestoreDuration: restoreDays }),
        IsPermanentRestore: isPermanent,
      }
    },
  }
}

/** Its data is there already: only how long it stays is new. `restoreDays` undefined: for good, and the archive goes. */
function changeRestored(
  domain: Domain,
  context: MutationContext,
  snapshot: SnapshotRecord,
  tiering: SnapshotTiering,
  restoreDays: number | undefined,
): void {
  if (restoreDays !== undefined) {
    const restoreExpiryTime = new Date(context.now.getTime() + restoreDays * millisecondsPerDay).toISOString()
    saveSnapshot(domain, context, { ...snapshot, tiering: { ...tiering, restoreDays, restoreExpiryTime } })
    return
  }
  const { archiveLayerId: _archive, ...rest } = snapshot
  const { restoreDays: _days, restoreExpiryTime: _expiry, ...kept } = tiering
  saveSnapshot(domain, context, { ...rest, tiering: { ...kept, operation: 'permanent-restore' } })
  context.afterCommit(() => void domain.layers.collect())
}

function begin(domain: Domain, context: MutationContext, snapshot: SnapshotRecord, tiering: SnapshotTiering): void {
  saveSnapshot(domain, context, { ...snapshot, tiering })
  context.afterCommit(() => domain.tierWorker.wake(snapshot.id))
}

function requireSettled(snapshot: SnapshotRecord): SnapshotRecord {
  if (snapshot.tiering?.state !== 'in-progress') return snapshot
  throw incorrectState(snapshot, 'is being moved to another tier')
}

function incorrectState({ id }: SnapshotRecord, why: string): Ec2Error {
  return new Ec2Error('IncorrectState', `The snapshot '${id}' ${why.replace(/\.$/, '')}.`)
}
