import type { AccountCaller } from '../ports/account-caller.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type Pipeline, pipelineTag } from './pipeline.ts'

/** An image of a pipeline, as far as its keeping is concerned. */
export interface KeptImage {
  readonly id: string
  readonly buildNumber: number
  /** Whether an instance that is not terminated was launched from it. */
  readonly isUsed: boolean
}

/** The images that are one too many: all but the last `keep`, less those in use unless these go too. The oldest first. */
export function chooseSurplus(
  images: readonly KeptImage[],
  { keep, isIncludingUsed }: { keep: number; isIncludingUsed: boolean },
): string[] {
  return images
    .toSorted((a, b) => b.buildNumber - a.buildNumber)
    .slice(keep)
    .filter(({ isUsed }) => isIncludingUsed || !isUsed)
    .map(({ id }) => id)
    .toReversed()
}

/** Deregisters what a pipeline has one too many of in a region, with its snapshots; answers what went. */
export async function dropSurplus(
  { store, call }: { store: Store; call: AccountCaller },
  scope: Scope,
  { name, retention }: Pipeline,
): Promise<string[]> {
  if (!retention) return []
  const { Images: images = [] } = await call(scope, 'DescribeImages', {
    Owners: ['self'],
    IncludeDeprecated: true,
    IncludeDisabled: true,
    Filters: [{ Name: `tag:${pipelineTag.pipeline}`, Values: [name] }],
  })
  const kept: KeptImage[] = []
  for (const { ImageId: id = '' } of images) {
    const tags = new Map(store.tags.of(id).map(({ key, value }) => [key, value]))
    // A build that runs counts when it has succeeded.
    if (store.pipelineBuilds.find(tags.get(pipelineTag.build) ?? '')?.state === 'running') continue
    const isUsed = store.instances.listBy('imageId', id).some(({ state }) => state !== 'terminated')
    kept.push({ id, buildNumber: Number(tags.get(pipelineTag.number) ?? 0), isUsed })
  }
  const surplus = chooseSurplus(kept, retention)
  for (const id of surplus) {
    await call(scope, 'DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
  }
  return surplus
}
