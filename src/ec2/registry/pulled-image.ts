import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import { newId } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import { bootSettingsOf } from '../image/boot-settings.ts'
import { imageTag } from '../image/image-tag.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Architecture } from '../ports/accelerator.ts'
import type { Scope, Store } from '../ports/store.ts'
import { isReservedKey, maximumTagValueLength } from '../tag/tag.ts'
import { type AmiDocument, performanceOf } from './ami-document.ts'

const bytesPerGib = 1024 ** 3

/** The marketplace product that an image becomes: who launches it must have accepted its licence. */
export interface PulledProduct {
  readonly productCode: string
  readonly architecture: Architecture
  readonly description: string
  /** The one that the image names, when absent. */
  readonly loginUser?: string | undefined
}

/** Records the image of a registry's, with a snapshot for each device, over layers that are here; in a transaction. */
export function recordPulledImage(
  { store, random, clock }: { store: Store; random: Random; clock: Clock },
  { accountId, region }: Scope,
  request: {
    readonly image: { readonly digest: string; readonly document: AmiDocument }
    readonly name: string
    readonly source: string
    readonly isPublic: boolean
    readonly product?: PulledProduct | undefined
    /** By content id. */
    readonly layerIds: ReadonlyMap<string, string>
  },
): ImageRecord {
  const { name, source, layerIds, product } = request
  const { digest, document } = request.image
  const now = clock.now().toISOString()
  const id = newId('ami', random)
  const codes = withProductCodes(document.productCodes, product && [product.productCode])
  const sizes = new Map(document.layers.map((layer) => [layer.id, layer.virtualSizeBytes]))
  const blockDevices = document.blockDevices.map(({ layer, iops, throughputMibps, ...device }) => {
    const snapshotId = newId('snap', random)
    const layerId = layerIds.get(layer)
    if (layerId === undefined) throw new Error(`${source} has no layer ${layer}`)
    store.snapshots.insert({
      ...{ accountId, region, id: snapshotId, layerId, state: 'completed', startTime: now },
      ...codes,
      description: `${device.deviceName} of ${name}, pulled from ${source}`,
      volumeId: 'vol-ffffffff',
      volumeSizeGib: Math.max(1, Math.ceil((sizes.get(layer) ?? 0) / bytesPerGib)),
    })
    return { ...device, ...performanceOf({ iops, throughputMibps }), snapshotId }
  })
  const { architecture, rootDeviceName, enaSupport, imdsSupport } = document
  const description = product?.description ?? document.description
  const image: ImageRecord = {
    ...{ accountId, region, id, name },
    ...(description === undefined ? {} : { description }),
    ...{ architecture, state: 'available', creationDate: now, imageLocation: `${accountId}/${name}` },
    ...{ rootDeviceName, blockDevices, enaSupport },
    ...bootSettingsOf(document),
    ...(imdsSupport === undefined ? {} : { imdsSupport }),
    ...codes,
    ...(request.isPublic ? { sharing: { region, accountIds: [], isPublic: true } } : {}),
  }
  store.images.insert(image)
  const own = {
    [imageTag.loginUser]: product?.loginUser ?? document.loginUser,
    [imageTag.source]: source,
    [imageTag.sourceDigest]: digest,
  }
  const tags = [
    ...document.tags.filter(({ key }) => !isReservedKey(key) && !key.startsWith('kiln:')),
    ...Object.entries(own).flatMap(([key, value]) =>
      value !== undefined && value.length <= maximumTagValueLength ? [{ key, value }] : [],
    ),
  ]
  store.tags.put({ accountId, region }, id, 'image', tags)
  return image
}
