import type { Domain } from '../domain.ts'
import { encryptionOf } from '../encryption/encryption.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { newId } from '../ids.ts'
import { describeDamage, findDamaged } from '../layer/layer-check.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { MutationContext } from '../operation.ts'
import type { Tag } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { putTags } from '../tag/tag.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import { chainLengthOf, maximumChainLength } from './freeze-intent.ts'
import type { SnapshotRecord } from './snapshot.ts'

const maximumDescriptionLength = 255
/** How long an answer waits for the moment of its snapshot: a running machine needs milliseconds, one that just stops may need longer. */
const answerPatienceMs = 10_000

/** What snapshots that are made together have in common. */
export interface SnapshotRequest {
  readonly description: string
  /** The image that they are made for. */
  readonly imageId?: string
}

/**
 * Records snapshots of volumes at one instant, with their tags, and the intents to freeze them; inside a mutation. Throws IncorrectState,
 * SnapshotLimitExceeded, ResourceLimitExceeded. Wake whatever has the volumes afterwards (`freezeSoon`).
 */
export function planSnapshots(
  domain: Domain,
  context: MutationContext,
  volumes: readonly { readonly volume: VolumeRecord; readonly tags: readonly Tag[] }[],
  request: SnapshotRequest,
): SnapshotRecord[] {
  const { store, random } = domain
  if (request.description.length > maximumDescriptionLength) {
    throw invalidParameterValue('description', `${request.description.slice(0, 80)}…`, 'At most 255 characters.')
  }
  requireQuota(domain.settings.quotas, 'snapshots', {
    present: store.snapshots.count(context),
    added: volumes.length,
    code: 'SnapshotLimitExceeded',
  })
  const setId = newId('layer', random)
  return volumes.map(({ volume, tags }) => {
    requireSnapshotable(domain, volume)
    const { accountId, region } = context
    const startTime = context.now.toISOString()
    const layerId = newId('layer', random)
    store.layers.insert({
      accountId,
      region,
      id: layerId,
      state: 'pending',
      source: { volumeId: volume.id, setId },
      ...(volume.encryptionKeyId === undefined ? {} : { encryptionKeyId: volume.encryptionKeyId }),
      createdAt: startTime,
    })
    const snapshot: SnapshotRecord = {
      accountId,
      region,
      id: newId('snap', random),
      layerId,
      state: 'pending',
      description: request.description,
      volumeId: volume.id,
      volumeSizeGib: volume.sizeGib,
      ...withProductCodes(volume.productCodes),
      ...encryptionOf(volume),
      startTime,
      ...(request.imageId === undefined ? {} : { imageId: request.imageId }),
    }
    store.snapshots.insert(snapshot)
    putTags(store, context, snapshot.id, 'snapshot', tags)
    return snapshot
  })
}

function requireSnapshotable({ store }: Domain, volume: VolumeRecord): void {
  if (volume.state !== 'available' && volume.state !== 'in-use') {
    throw new Ec2Error('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
  }
  const damaged = findDamaged(store, volume.layerId)
  if (damaged?.damage) {
    throw new Ec2Error(
      'IncorrectState',
      `Volume '${volume.id}' cannot be snapshotted. ${describeDamage(damaged.id, damaged.damage)}`,
    )
  }
  if (chainLengthOf(store, volume) < maximumChainLength) return
  throw new Ec2Error(
    'ResourceLimitExceeded',
    `The volume ${volume.id} stands on ${maximumChainLength} layers, which are being flattened: try again later. If the host's disk is full, free some space first.`,
  )
}

/** Has recorded snapshots taken, and the answer wait until they have been. */
export function freezeSoon(domain: Domain, context: MutationContext, snapshots: readonly SnapshotRecord[]): void {
  context.afterCommit(async () => {
    for (const { volumeId } of snapshots) domain.volumes.wake(volumeId)
    await domain.freezer.waitUntilFrozen(
      snapshots.map(({ layerId }) => layerId),
      answerPatienceMs,
    )
  })
}
