import type { Filter } from '@aws-sdk/client-ec2'
import { Ec2Error } from '../errors.ts'
import { imageTag } from '../image/image-tag.ts'
import type { ImageJob, ImageWork } from '../image/image-work.ts'
import type { ImageRecord } from '../image/image.ts'
import type { AccountCaller } from '../ports/account-caller.ts'
import type { Scope, Store } from '../ports/store.ts'
import { type PipelineBase, pipelineTag } from './pipeline.ts'

interface BaseDependencies {
  readonly store: Store
  readonly call: AccountCaller
}

/**
 * The image that a base means now, the newest available one where it means several; undefined when there is none. What other builds have
 * made counts once they have succeeded.
 */
export async function findBase(
  { store, call }: BaseDependencies,
  scope: Scope,
  base: PipelineBase,
): Promise<ImageRecord | undefined> {
  const request =
    base.kind === 'image'
      ? { ImageIds: [base.imageId] }
      : { Owners: [ownerOf(base)], Filters: [...filtersOf(base), { Name: 'state', Values: ['available'] }] }
  const { Images: images = [] } = await call(scope, 'DescribeImages', request)
  const records: ImageRecord[] = []
  for (const { ImageId: id = '' } of images) {
    const record = store.images.find(id)
    if (record && isFinished(store, id)) records.push(record)
  }
  return records.toSorted((a, b) => b.creationDate.localeCompare(a.creationDate))[0]
}

/** The image of a base, built of its recipe or pulled from the catalogue when there is none. Throws InvalidAMIID.NotFound. */
export async function ensureBase(
  dependencies: BaseDependencies & { imageWork: ImageWork },
  scope: Scope,
  base: PipelineBase,
  job: ImageJob,
): Promise<ImageRecord> {
  const { store, imageWork } = dependencies
  const found = await findBase(dependencies, scope, base)
  if (found) return found
  const made =
    base.kind === 'recipe'
      ? await imageWork.build(scope, { recipe: base.recipe, architecture: base.architecture }, job)
      : base.kind === 'catalog'
        ? await imageWork.pull(scope, { catalogName: base.entry }, job)
        : undefined
  const image = made?.imageId === undefined ? undefined : store.images.find(made.imageId)
  if (image) return image
  throw new Ec2Error('InvalidAMIID.NotFound', `There is no available AMI for the base: ${describeBase(base)}`)
}

/** For a person. */
export function describeBase(base: PipelineBase): string {
  switch (base.kind) {
    case 'image':
      return base.imageId
    case 'name':
      return `name ${base.pattern}${base.ownerId ? ` of ${base.ownerId}` : ''}`
    case 'recipe':
      return `recipe ${base.recipe}${base.architecture === 'x86_64' ? '' : ` for ${base.architecture}`}`
    case 'catalog':
      return `catalogue ${base.entry}`
    case 'pipeline':
      return `pipeline ${base.pipeline}`
  }
}

function ownerOf(base: PipelineBase): string {
  return (base.kind === 'name' ? base.ownerId : undefined) ?? 'self'
}

function filtersOf(base: Exclude<PipelineBase, { kind: 'image' }>): Filter[] {
  switch (base.kind) {
    case 'name':
      return [{ Name: 'name', Values: [base.pattern] }]
    case 'recipe':
      return [
        { Name: `tag:${imageTag.recipe}`, Values: [base.recipe] },
        { Name: 'architecture', Values: [base.architecture] },
      ]
    case 'catalog':
      return [{ Name: `tag:${imageTag.catalog}`, Values: [base.entry] }]
    case 'pipeline':
      return [{ Name: `tag:${pipelineTag.pipeline}`, Values: [base.pipeline] }]
  }
}

/** An image of a build that has not passed its tests yet, or never will, is nobody's base. */
function isFinished(store: Store, imageId: string): boolean {
  const buildId = store.tags.of(imageId).find(({ key }) => key === pipelineTag.build)?.value
  const build = buildId === undefined ? undefined : store.pipelineBuilds.find(buildId)
  return build === undefined || build.state === 'succeeded'
}
