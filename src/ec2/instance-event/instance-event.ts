import type { InstanceStatusEvent } from '@aws-sdk/client-ec2'
import type { InstanceRecord } from '../instance/instance.ts'

/** What EC2 schedules for instances ("Types of scheduled events"). */
export const instanceEventCodes = [
  'instance-reboot',
  'system-reboot',
  'system-maintenance',
  'instance-retirement',
  'instance-stop',
] as const
export type InstanceEventCode = (typeof instanceEventCodes)[number]

/** A scheduled event of an instance. It is part of the instance's record and goes with it. */
export interface InstanceEvent {
  /** `instance-event-…` */
  readonly id: string
  readonly code: InstanceEventCode
  readonly description: string
  readonly notBefore: string
  readonly notAfter: string
  /** Until when it may be put off; absent: it may not. */
  readonly notBeforeDeadline?: string
  readonly state: 'active' | 'completed' | 'canceled'
  /** Set once it is not active any more. */
  readonly endedAt?: string
}

/** "Completed maintenance events are displayed for up to a week." */
const shownAfterEndMs = 7 * 24 * 3600 * 1000
/** The oldest ones that are over are forgotten. */
const maximumEvents = 100

/** What DescribeInstanceStatus has of an instance's events. */
export function shownEvents({ events = [] }: InstanceRecord, now: Date): InstanceEvent[] {
  return events.filter(({ endedAt }) => endedAt === undefined || now.getTime() - Date.parse(endedAt) < shownAfterEndMs)
}

/** Begins with `[Completed]` or `[Canceled]` when it is over, as on EC2. */
export function descriptionOf({ state, description }: InstanceEvent): string {
  if (state === 'active') return description
  return `${state === 'completed' ? '[Completed]' : '[Canceled]'} ${description}`
}

/** In EC2's shape. */
export function describeInstanceEvent(event: InstanceEvent): InstanceStatusEvent {
  return {
    InstanceEventId: event.id,
    Code: event.code,
    Description: descriptionOf(event),
    NotBefore: new Date(event.notBefore),
    NotAfter: new Date(event.notAfter),
    ...(event.notBeforeDeadline === undefined ? {} : { NotBeforeDeadline: new Date(event.notBeforeDeadline) }),
  }
}

/** The instance with a further event. */
export function withEvent(instance: InstanceRecord, event: InstanceEvent): InstanceRecord {
  const events = [...(instance.events ?? []), event]
  const surplus = events.length - maximumEvents
  const over = new Set(events.filter(({ state }) => state !== 'active').slice(0, Math.max(0, surplus)))
  return { ...instance, events: events.filter((candidate) => !over.has(candidate)) }
}

/** The instance with those of its active events that `isMeant` picks being over. */
export function withEndedEvents(
  instance: InstanceRecord,
  state: 'completed' | 'canceled',
  now: Date,
  isMeant: (event: InstanceEvent) => boolean,
): InstanceRecord {
  const { events } = instance
  if (!events?.some((event) => event.state === 'active' && isMeant(event))) return instance
  const endedAt = now.toISOString()
  return {
    ...instance,
    events: events.map((event) => (event.state === 'active' && isMeant(event) ? { ...event, state, endedAt } : event)),
  }
}
