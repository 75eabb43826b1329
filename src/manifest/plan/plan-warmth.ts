import type { WarmImageDescription } from '../../api/kiln/fast-launch.ts'
import { defaultTypeFor } from '../../ec2/instance-type/default-type.ts'
import { architectureOf, findImage } from '../host-facts.ts'
import { type Lab, type LabImage, labTag } from '../lab.ts'
import { type ImageRecord, type Observed, tagOf } from '../observed.ts'
import type { LaunchInput } from './launch.ts'
import { type Detail, operationId, type PlanDraft } from './plan.ts'

/** Plans the warm templates that a lab asks for, and drops those that it has asked for and does not any more. After its images. */
export function planWarmth(draft: PlanDraft, input: LaunchInput): void {
  const { lab, observed } = input
  const wanted = [...lab.images.values()].filter(({ warm }) => warm)
  for (const image of wanted) planTemplates(draft, input, image)
  const keptIds = new Set(wanted.map((image) => findImage(observed, image)?.ImageId))
  for (const image of warmedBy(lab, observed)) if (!keptIds.has(image.ImageId)) planCooling(draft, lab, observed, image)
}

/** Plans that the templates that a lab has asked for go, but for those of images that go themselves. */
export function planCoolingOfAll(draft: PlanDraft, lab: Lab, observed: Observed, options: { images: boolean }): void {
  for (const image of warmedBy(lab, observed)) {
    if (options.images && tagOf(image, labTag.lab) === lab.name) continue
    planCooling(draft, lab, observed, image)
  }
}

function planTemplates(draft: PlanDraft, input: LaunchInput, image: LabImage): void {
  const { observed } = input
  const { depth, waits = false } = image.warm ?? {}
  const found = findImage(observed, image)
  const present = warmthOf(observed, found)
  const types = typesOf(input, image)
  const isOn = present?.State === 'enabled' || present?.State === 'enabling'
  const hasAll =
    isOn && (depth ?? present.Depth) === present.Depth && types.every((type) => present.InstanceTypes.includes(type))
  const address = `images.${image.key}`
  if (!hasAll) {
    const told = `${depth ?? present?.Depth ?? 'booted'} for ${types.join(', ')}`
    const detail = { name: 'warm', ...(present ? { old: describe(present) } : {}), new: told }
    addDetail(draft, address, found?.ImageId, detail)
  } else if (!waits || present.State === 'enabled') return
  draft.operations.push({
    kind: 'warm-image',
    id: operationId.warmImage(address),
    address,
    types,
    ...(depth === undefined ? {} : { depth }),
    waits,
    isFirst: present === undefined,
    after: [operationId.makeImage(image.name)],
  })
}

/** The types that the lab launches of it; the usual one when it launches none. */
function typesOf({ lab, observed, facts }: LaunchInput, image: LabImage): string[] {
  const usual = defaultTypeFor(architectureOf(image, observed, facts))
  const launched = [...lab.instances.values()]
    .filter((instance) => instance.image === image.key && instance.fastLaunch !== 'off')
    .map(({ type }) => type ?? usual)
  return launched.length > 0 ? [...new Set(launched)] : [usual]
}

function planCooling(draft: PlanDraft, lab: Lab, observed: Observed, image: ImageRecord): void {
  const { ImageId: imageId = '', Name: name = '' } = image
  const present = warmthOf(observed, image)
  if (!present || present.State === 'disabling') return
  const entry = [...lab.images.values()].find((one) => findImage(observed, one)?.ImageId === imageId)
  addDetail(draft, `images.${entry?.key ?? name}`, imageId, { name: 'warm', old: describe(present) })
  draft.operations.push({ kind: 'cool-image', id: operationId.coolImage(name), imageId, after: [] })
}

/** Images whose templates the lab has asked for, and nobody before it. */
function warmedBy(lab: Lab, { images }: Observed): ImageRecord[] {
  return images.filter((image) => tagOf(image, labTag.warm) === lab.name)
}

function warmthOf({ warmImages }: Observed, image: ImageRecord | undefined): WarmImageDescription | undefined {
  return warmImages.find(({ ImageId: id }) => id === image?.ImageId)
}

function describe({ State: state, Depth: depth, InstanceTypes: types }: WarmImageDescription): string {
  return state.endsWith('failed') ? state : `${depth} for ${types.join(', ')}`
}

/** To the image's own line of the diff, where there is one. */
function addDetail(draft: PlanDraft, address: string, id: string | undefined, detail: Detail): void {
  const index = draft.changes.findIndex((change) => change.address === address)
  const present = draft.changes[index]
  if (present) draft.changes[index] = { ...present, details: [...present.details, detail] }
  else draft.changes.push({ address, action: 'update', ...(id === undefined ? {} : { id }), details: [detail] })
}
