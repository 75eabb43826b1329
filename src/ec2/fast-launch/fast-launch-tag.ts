import { invalidParameterValue } from '../errors.ts'
import type { Tag } from '../ports/store.ts'

/** The tag by which an instance says how its launch goes where its image has warm templates. Looked at when it is launched. */
export const fastLaunchTag = 'kiln:fast-launch'

/** What the tag may say: that it is booted, or that SSH answers only when cloud-init has done its work. */
export const fastLaunchTagValues = ['off', 'wait-for-cloud-init'] as const
export type FastLaunchTagValue = (typeof fastLaunchTagValues)[number]

/** How a launch goes by the instance's tags; `on` without the tag. Throws InvalidParameterValue for what the tag cannot say. */
export function readFastLaunchTag(tags: readonly Tag[]): 'on' | FastLaunchTagValue {
  const value = tags.find(({ key }) => key === fastLaunchTag)?.value
  if (value === undefined) return 'on'
  const known = fastLaunchTagValues.find((one) => one === value)
  if (known !== undefined) return known
  throw invalidParameterValue(`Tag ${fastLaunchTag}`, value, `Expected one of ${fastLaunchTagValues.join(', ')}.`)
}
