import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findLivingInstance } from '../instance/find-instance.ts'
import type { Ec2Mutation } from '../operation.ts'
import { describeInstanceEvent, type InstanceEvent } from './instance-event.ts'
import { eventNotFound } from './schedule-event.ts'

const minuteMs = 60_000
/** "Events that are scheduled to start in the next 5 minutes cannot be rescheduled." */
const leastLeftMinutes = 5
/** "The new event start time must be at least 60 minutes from the current time." */
const leastAheadMinutes = 60

/** ModifyInstanceEventStartTime: puts an event off that has a deadline, up to that; it ends that much later, too. */
export function modifyInstanceEventStartTime({
  store,
  eventRunner,
}: Domain): Ec2Mutation<'ModifyInstanceEventStartTime'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'InstanceEventId', 'NotBefore'],
    apply: (context, { InstanceId: id, InstanceEventId: eventId = '', NotBefore: notBefore }) => {
      const instance = findLivingInstance(store, context, id)
      if (!notBefore) throw missingParameter('NotBefore')
      const event = instance.events?.find((candidate) => candidate.id === eventId && candidate.state === 'active')
      if (!event) throw eventNotFound(eventId)
      requireStartTime(event, notBefore, context.now)
      const lengthMs = Date.parse(event.notAfter) - Date.parse(event.notBefore)
      const moved = {
        ...event,
        notBefore: notBefore.toISOString(),
        notAfter: new Date(notBefore.getTime() + lengthMs).toISOString(),
      }
      const events = instance.events?.map((candidate) => (candidate.id === event.id ? moved : candidate)) ?? []
      store.instances.replace({ ...instance, events })
      context.afterCommit(() => eventRunner.refresh())
      return { Event: describeInstanceEvent(moved) }
    },
  }
}

/** EC2's rules ("Limitations" of rescheduling). */
function requireStartTime({ id, notBefore, notBeforeDeadline }: InstanceEvent, wanted: Date, now: Date): void {
  if (notBeforeDeadline === undefined) throw badStartTime(`The event ${id} has no deadline: it cannot be rescheduled.`)
  if (Date.parse(notBefore) - now.getTime() < leastLeftMinutes * minuteMs) {
    throw badStartTime(`The event ${id} starts within ${leastLeftMinutes} minutes: it cannot be rescheduled any more.`)
  }
  if (wanted.getTime() - now.getTime() < leastAheadMinutes * minuteMs) {
    throw badStartTime(`The new start time must be at least ${leastAheadMinutes} minutes from now.`)
  }
  if (wanted.getTime() > Date.parse(notBeforeDeadline)) {
    throw badStartTime(`The new start time must not be after the deadline of the event, ${notBeforeDeadline}.`)
  }
}

function badStartTime(message: string): Ec2Error {
  return new Ec2Error('InvalidInstanceEventStartTime', message)
}
