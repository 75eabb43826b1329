import { setTimeout as sleep } from 'node:timers/promises'
import { labTag } from '../lab.ts'
import type { Operation } from '../plan/plan.ts'
import { Interruption } from './execute.ts'
import { idOf, type Workshop } from './workshop.ts'

const pollIntervalMs = 300

/** Asks for the warm templates of an image, and waits for them when that is asked. Ctrl-C ends the wait, not the making. */
export async function warmImage(
  workshop: Workshop,
  { address, types, depth, waits, isFirst }: Extract<Operation, { kind: 'warm-image' }>,
  tell: (text: string) => void,
): Promise<void> {
  const { call, lab } = workshop
  const ImageId = idOf(workshop, address)
  // Before: a run that breaks off here leaves nothing that no lab would take away again.
  if (isFirst) await call('CreateTags', { Resources: [ImageId], Tags: [{ Key: labTag.warm, Value: lab }] })
  await call('KilnWarmImage', { ImageId, InstanceTypes: [...types], ...(depth === undefined ? {} : { Depth: depth }) })
  if (waits) await waitForTemplates(workshop, ImageId, tell)
}

/** Drops the templates that the lab has asked for. */
export async function coolImage({ call }: Workshop, imageId: string): Promise<void> {
  await call('DisableFastLaunch', { ImageId: imageId })
  await call('DeleteTags', { Resources: [imageId], Tags: [{ Key: labTag.warm }] })
}

async function waitForTemplates(
  { call, signal }: Workshop,
  imageId: string,
  tell: (text: string) => void,
): Promise<void> {
  for (;;) {
    const { Images, Templates } = await call('KilnDescribeTemplates', { ImageIds: [imageId] })
    const [image] = Images
    if (image?.State === 'enabled') return
    if (image?.State !== 'enabling') {
      const why = image ? `${image.State}: ${image.StateTransitionReason}` : 'disabled meanwhile'
      throw new Error(`Fast Launch of ${imageId} is ${why}; without warm.wait its instances would boot`)
    }
    const making = Templates.find(({ State }) => State === 'making')
    if (making) tell(`booting ${making.TemplateId} for ${making.InstanceType}`)
    await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) throw new Interruption('interrupted while it waited')
  }
}
