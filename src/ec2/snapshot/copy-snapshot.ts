import type { Domain } from '../domain.ts'
import { chooseKmsKey, newEncryption } from '../encryption/choose-encryption.ts'
import { encryptionOf } from '../encryption/encryption.ts'
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
 * CopySnapshot: a snapshot of the caller's own, in the region that the call goes to. Over the same layer, where nothing is to be encrypted
 * anew: then it takes no time whatever the size. `PresignedUrl` and `DestinationRegion`, which SDKs add by themselves, say what the call says.
 */
export function copySnapshot(domain: Domain): Ec2Mutation<'CopySnapshot'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: [
      'Description',
      'DestinationRegion',
      'Encrypted',
      'KmsKeyId',
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
      const scope = { ...context, region: sourceRegion }
      const source = requireCompleted(findVisibleSnapshot(store, scope, input.SourceSnapshotId))
      const tags = readTagSpecifications(input.TagSpecifications, ['snapshot']).get('snapshot') ?? []
      const { id } = recordSnapshotCopy(domain, context, source, { ...input, Description: input.Description ?? '' })
      putTags(store, context, id, 'snapshot', tags)
      return { SnapshotId: id, Tags: describeTags(tags) }
    },
  }
}

/** What a copy of a snapshot is to be. */
interface CopyRequest {
  readonly Description: string
  readonly Encrypted?: boolean | undefined
  readonly KmsKeyId?: string | undefined
  /** The image that it is made for. */
  readonly imageId?: string
}

/**
 * Records a copy of a snapshot: over its layer, or, when it is to be encrypted and is not by the same KMS key, `pending` over one that is
 * being written; inside a mutation. Throws SnapshotLimitExceeded, and as `chooseKmsKey`.
 */
export function recordSnapshotCopy(
  domain: Domain,
  context: MutationContext,
  source: SnapshotRecord,
  request: CopyRequest,
): SnapshotRecord {
  const { store, random, settings, descriptionRefresher } = domain
  requireQuota(settings.quotas, 'snapshots', {
    present: store.snapshots.count(context),
    code: 'SnapshotLimitExceeded',
  })
  requireCompleted(source)
  const { accountId, region } = context
  const kmsKeyId = chooseKmsKey(domain, context, request, source)
  const isSame = kmsKeyId === source.kmsKeyId
  const encryption = isSame ? encryptionOf(source) : newEncryption(domain, kmsKeyId)
  const startTime = context.now.toISOString()
  const copy: SnapshotRecord = {
    accountId,
    region,
    id: newId('snap', random),
    layerId: isSame ? source.layerId : newId('layer', random),
    state: isSame ? 'completed' : 'pending',
    description: request.Description,
    // EC2's own for snapshots that were made of no volume.
    volumeId: 'vol-ffffffff',
    volumeSizeGib: source.volumeSizeGib,
    ...withProductCodes(source.productCodes),
    ...encryption,
    startTime,
    ...(request.imageId === undefined || isSame ? {} : { imageId: request.imageId }),
  }
  store.snapshots.insert(copy)
  if (isSame) context.afterCommit(() => descriptionRefresher.refreshLayer(source.layerId))
  else {
    store.layers.insert({
      accountId,
      region,
      id: copy.layerId,
      state: 'pending',
      ...(encryption.encryptionKeyId === undefined ? {} : { encryptionKeyId: encryption.encryptionKeyId }),
      copyOf: source.layerId,
      createdAt: startTime,
    })
    context.afterCommit(() => domain.layerEncrypter.begin(copy.layerId))
  }
  return copy
}
