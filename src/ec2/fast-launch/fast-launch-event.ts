import type { EventBus } from '../event/event-bus.ts'
import type { FastLaunchRecord, FastLaunchState } from './fast-launch.ts'

/** Tells that Fast Launch of an image has come to another state ("EC2 Fast Launch State-change Notification"); of a failure why. */
export function tellFastLaunch(
  events: EventBus,
  { id, state: previousState }: { readonly id: string; readonly state?: FastLaunchRecord['state'] },
  state: FastLaunchState | 'disabled',
  why = '',
): void {
  const message = `Fast Launch of ${id} is ${state}${state.endsWith('failed') ? `: ${why}` : ''}`
  const detail = { state, ...(previousState === undefined ? {} : { previousState }) }
  events.publish({ kind: 'fast-launch-state-change', resourceId: id, message, detail })
}
