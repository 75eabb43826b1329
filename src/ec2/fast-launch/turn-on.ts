import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { CallContext, MutationContext } from '../operation.ts'
import type { TemplateDepth } from '../ports/machine-spec.ts'
import type { FastLaunchRecord, FastLaunchState } from './fast-launch.ts'
import { tellFastLaunch } from './fast-launch-event.ts'

/** What EnableFastLaunch is given for others to read. */
export type FastLaunchSettings = Pick<
  FastLaunchRecord,
  'maxParallelLaunches' | 'targetResourceCount' | 'launchTemplate'
>

/** EC2's ("Value must be 6 or greater"): it is the least as well. */
export const usualParallelLaunches = 6

/** What is asked of an image whose templates are wanted. */
export interface Warmth {
  readonly image: ImageRecord
  /** Checked (warmable-image.ts); added to those that it has. */
  readonly instanceTypes: readonly string[]
  /** Absent: as it is, `booted` at first. */
  readonly depth?: TemplateDepth | undefined
  /** Absent: as they are. */
  readonly settings?: FastLaunchSettings
}

/** EC2's word for what a client has asked for. */
const userInitiated = 'Client.UserInitiated'

/** Records that templates of an image are wanted, and has them made after the commit. Throws IncorrectState while those of before go. */
export function turnOn(domain: Domain, context: MutationContext, wanted: Warmth): FastLaunchRecord {
  const { store } = domain
  const { id } = wanted.image
  const present = store.fastLaunches.get(context, id)
  if (present?.state === 'disabling' || present?.state === 'disabling-failed') {
    const advice = 'wait until DescribeFastLaunchImages does not tell of it any more'
    throw new Ec2Error('IncorrectState', `Fast Launch of the image ${id} is being disabled: ${advice}.`)
  }
  const depth = wanted.depth ?? present?.depth ?? 'booted'
  const instanceTypes = [...new Set([...(present?.instanceTypes ?? []), ...wanted.instanceTypes])]
  const isMore = present?.depth !== depth || present.instanceTypes.length < instanceTypes.length
  const isOn = present?.state === 'enabled' || present?.state === 'enabling'
  const {
    maxParallelLaunches = usualParallelLaunches,
    targetResourceCount,
    launchTemplate,
  } = wanted.settings ?? present ?? {}
  const record: FastLaunchRecord = {
    accountId: context.accountId,
    region: context.region,
    id,
    ...(present && isOn && !isMore ? stateOf(present) : newState(context, 'enabling')),
    depth,
    instanceTypes,
    maxParallelLaunches,
    ...(targetResourceCount === undefined ? {} : { targetResourceCount }),
    ...(launchTemplate ? { launchTemplate } : {}),
  }
  save(domain, context, present, record)
  return record
}

/** Records that the templates of an image are not wanted any more, and has them dropped after the commit. */
export function turnOff(domain: Domain, context: MutationContext, present: FastLaunchRecord): FastLaunchRecord {
  const isGoing = present.state === 'disabling'
  const record = isGoing ? present : { ...present, ...newState(context, 'disabling') }
  save(domain, context, present, record)
  return record
}

function save(
  { store, events, warmTemplates }: Domain,
  context: MutationContext,
  present: FastLaunchRecord | undefined,
  record: FastLaunchRecord,
): void {
  if (present) store.fastLaunches.replace(record)
  else store.fastLaunches.insert(record)
  if (present?.state !== record.state) {
    tellFastLaunch(events, present ?? { id: record.id }, record.state, record.stateReason)
  }
  context.afterCommit(() => warmTemplates.wake(record.id))
}

function newState({ now }: CallContext, state: FastLaunchState) {
  return { state, stateReason: userInitiated, stateTime: now.toISOString() }
}

function stateOf({ state, stateReason, stateTime }: FastLaunchRecord) {
  return { state, stateReason, stateTime }
}
