import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireCompleted, type SnapshotRecord } from './snapshot.ts'
import { findVisibleSnapshot } from './visible-snapshot.ts'

/**
 * CopySnapshot: a snapshot of the caller's own, in the region that the call goes to, over the same layer: nothing is copied on the disk,
 * so it takes no time whatever the size. `PresignedUrl` and `DestinationRegion`, which SDKs add by themselves, say what the call says.
 */
export function copySnapshot(domain: Domain): Ec2Mutation<'CopySnapshot'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Description',
      'DestinationRegion',
      'Encrypted',
      'PresignedUrl',
      'SourceRegion',
      'SourceSnapshotId',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { SourceRegion: sourceRegion } = input
      if (!sourceRegion) throw missingParameter('SourceRegion')
      if (!domain.regions.get(sourceRegion)) {
        throw invalidParameterValue('sourceRegion', sourceRegion.slice(0, 80), 'There is no such region.')
      }
      requireOneOf('CopySnapshot', 'DestinationRegion', input.DestinationRegion, [context.region])
      requireOneOf('CopySnapshot', 'Encrypted', input.Encrypted, [false])
      const scope = { ...context, region: sourceRegion }
      const source = requireCompleted(findVisibleSnapshot(store, scope, input.SourceSnapshotId))
      const tags = readTagSpecifications(input.TagSpecifications, ['snapshot']).get('snapshot') ?? []
      const id = recordSnapshotCopy(domain, context, source, input.Description ?? '')
      putTags(store, context, id, 'snapshot', tags)
      return { SnapshotId: id, Tags: describeTags(tags) }
    },
  }
}

/** Records another snapshot over the layer of one; inside a mutation. Answers its id. Throws SnapshotLimitExceeded. */
export function recordSnapshotCopy(
  { store, random, settings, descriptionRefresher }: Domain,
  context: MutationContext,
  source: SnapshotRecord,
  description: string,
): string {
  requireQuota(settings.quotas, 'snapshots', {
    present: store.snapshots.count(context),
    code: 'SnapshotLimitExceeded',
  })
  requireCompleted(source)
  const id = newId('snap', random)
  store.snapshots.insert({
    accountId: context.accountId,
    region: context.region,
    id,
    layerId: source.layerId,
    state: 'completed',
    description,
    // EC2's own for snapshots that were made of no volume.
    volumeId: 'vol-ffffffff',
    volumeSizeGib: source.volumeSizeGib,
    ...withProductCodes(source.productCodes),
    startTime: context.now.toISOString(),
  })
  context.afterCommit(() => descriptionRefresher.refreshLayer(source.layerId))
  return id
}
