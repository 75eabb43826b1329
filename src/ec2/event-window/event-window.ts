import type { InstanceEventWindow, InstanceEventWindowTimeRange } from '@aws-sdk/client-ec2'
import { findOne } from '../ids.ts'
import type { ResourceRecord, Scope, Store, Tag } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { WindowTimes } from './window-times.ts'

/** When a week's scheduled events of instances may take place. Kept and told: Kiln schedules none. */
export interface EventWindowRecord extends ResourceRecord, WindowTimes {
  readonly name?: string
  /** Instances by their ids or by their tags, never both. */
  readonly instanceIds: readonly string[]
  readonly instanceTags: readonly Tag[]
}

/** The caller's window of that id. Throws `…Malformed` and `…NotFound`. */
export function findEventWindow(store: Store, scope: Scope, id: string | undefined): EventWindowRecord {
  return findOne('iew', id ?? '', (known) => store.eventWindows.get(scope, known))
}

/** Whether any instance is in it. */
export function hasTargets({ instanceIds, instanceTags }: EventWindowRecord): boolean {
  return instanceIds.length > 0 || instanceTags.length > 0
}

/** A window in EC2's shape. */
export function describeEventWindow(
  store: Store,
  window: EventWindowRecord,
  state: NonNullable<InstanceEventWindow['State']> = 'active',
): InstanceEventWindow {
  const { id, name, timeRanges, cronExpression, instanceIds, instanceTags } = window
  return {
    InstanceEventWindowId: id,
    ...(name === undefined ? {} : { Name: name }),
    ...(timeRanges ? { TimeRanges: timeRanges.map((range): InstanceEventWindowTimeRange => ({ ...range })) } : {}),
    ...(cronExpression === undefined ? {} : { CronExpression: cronExpression }),
    ...(hasTargets(window)
      ? {
          AssociationTarget: {
            InstanceIds: [...instanceIds],
            Tags: describeTags(instanceTags),
            DedicatedHostIds: [],
          },
        }
      : {}),
    State: state,
    Tags: describeTags(store.tags.of(id)),
  }
}
