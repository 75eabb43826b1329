import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { findLivingInstance } from '../instance/find-instance.ts'
import type { MutationContext } from '../operation.ts'
import { type InstanceEvent, type InstanceEventCode, withEndedEvents, withEvent } from './instance-event.ts'

/** What somebody wants to happen to an instance. */
export interface EventRequest {
  readonly instanceId: string
  readonly code: InstanceEventCode
  readonly notBefore: Date
  readonly notAfter: Date
  readonly notBeforeDeadline?: Date | undefined
  readonly description?: string | undefined
}

/** EC2's words. */
const usualDescriptions: Readonly<Record<InstanceEventCode, string>> = {
  'instance-reboot': 'The instance is scheduled for a reboot',
  'system-reboot': 'The instance is scheduled for a reboot',
  'system-maintenance': 'The instance is scheduled for maintenance',
  'instance-retirement': 'The instance is running on degraded hardware',
  'instance-stop': 'The instance is running on degraded hardware',
}

/** Schedules what only EC2 itself does on EC2: the metadata and DescribeInstanceStatus tell of it, and it comes at its time. */
export function scheduleInstanceEvent(
  { store, random, events, eventRunner }: Domain,
  context: MutationContext,
  request: EventRequest,
): InstanceEvent {
  const { code, notBefore, notAfter, notBeforeDeadline } = request
  const instance = findLivingInstance(store, context, request.instanceId)
  if (code === 'instance-stop' && instance.spot) {
    throw unsupportedOperation(`The Spot Instance ${instance.id} cannot be stopped: choose instance-retirement.`)
  }
  if (notAfter < notBefore) {
    throw invalidParameterValue('NotAfter', notAfter.toISOString(), 'An event does not end before it begins.')
  }
  if (notBeforeDeadline && notBeforeDeadline < notBefore) {
    throw invalidParameterValue('NotBeforeDeadline', notBeforeDeadline.toISOString(), 'It is before NotBefore.')
  }
  const event: InstanceEvent = {
    id: `instance-event-${random.bytes(9).toString('hex').slice(1)}`,
    code,
    description: request.description ?? usualDescriptions[code],
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    ...(notBeforeDeadline ? { notBeforeDeadline: notBeforeDeadline.toISOString() } : {}),
    state: 'active',
  }
  store.instances.replace(withEvent(instance, event))
  events.publish({
    kind: 'instance-problem',
    resourceId: instance.id,
    message: `${instance.id} is scheduled for ${code} at ${event.notBefore}`,
  })
  context.afterCommit(() => eventRunner.refresh())
  return event
}

/** Takes an event back that has not come yet; all of the instance's where no one is named. Throws InvalidInstanceEventIDNotFound. */
export function cancelInstanceEvents(
  { store }: Domain,
  context: MutationContext,
  instanceId: string,
  eventId: string | undefined,
): InstanceEvent[] {
  const instance = findLivingInstance(store, context, instanceId)
  const meant = (instance.events ?? []).filter(
    ({ id, state }) => state === 'active' && (eventId === undefined || id === eventId),
  )
  if (meant.length === 0 && eventId !== undefined) throw eventNotFound(eventId)
  const ids = new Set(meant.map(({ id }) => id))
  const changed = withEndedEvents(instance, 'canceled', context.now, ({ id }) => ids.has(id))
  if (changed !== instance) store.instances.replace(changed)
  return (changed.events ?? []).filter(({ id }) => ids.has(id))
}

/** What EC2 answers for an event that the instance does not have. */
export function eventNotFound(eventId: string): Ec2Error {
  return new Ec2Error(
    'InvalidInstanceEventIDNotFound',
    `The instance event ID '${eventId.slice(0, 80)}' does not exist`,
  )
}
