import { findImage } from '../host-facts.ts'
import { type ImageSource, type Lab, labTag } from '../lab.ts'
import { type Observed, tagOf } from '../observed.ts'
import { operationId, type PlanDraft } from './plan.ts'

/** Images are made when none has their name: whoever made the one that is there, labs share it. */
export function planImages(draft: PlanDraft, lab: Lab, observed: Observed): void {
  for (const image of lab.images.values()) {
    const address = `images.${image.key}`
    const found = findImage(observed, image)
    if (found) {
      draft.known.set(address, found.ImageId ?? '')
      continue
    }
    draft.changes.push({
      address,
      action: 'create',
      details: [
        { name: 'name', new: image.name },
        { name: image.source.kind, new: describeSource(image.source) },
      ],
    })
    // Entries that share a name make one image; the first makes it.
    const id = operationId.makeImage(image.name)
    if (draft.operations.some((operation) => operation.id === id)) continue
    const after = image.source.kind === 'pipeline' ? [operationId.putPipeline(image.source.pipeline)] : []
    draft.operations.push({ kind: 'make-image', id, address, image, after })
  }
}

function describeSource(source: ImageSource): string {
  if (source.kind === 'recipe') return source.recipe
  if (source.kind === 'catalog') return source.entry
  if (source.kind === 'pipeline') return source.pipeline
  return source.kind === 'import' ? source.from : ''
}

/** The images that the lab has made, and nobody else. */
export function planImageRemoval(draft: PlanDraft, lab: Lab, observed: Observed): void {
  for (const image of observed.images) {
    const { ImageId: imageId = '', Name: name = '' } = image
    if (tagOf(image, labTag.lab) !== lab.name) continue
    draft.changes.push({
      address: tagOf(image, labTag.resource) ?? `images.${name}`,
      action: 'delete',
      id: imageId,
      details: [{ name: 'name', old: name }],
    })
    draft.operations.push({ kind: 'deregister-image', id: operationId.deregisterImage(name), imageId, after: [] })
  }
}
