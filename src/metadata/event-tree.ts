import type { InstanceMetadata, MaintenanceEvent } from '../ec2/ports/metadata.ts'
import { type MetadataDirectory, timeOf } from './node.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `events`: the two lists are always there, empty ones too; the recommendation once it was given. */
export function eventTree(instance: InstanceMetadata): MetadataDirectory {
  const { scheduledEvents, pastEvents, rebalanceNoticeTime } = instance
  return {
    maintenance: { history: writeEvents(pastEvents), scheduled: writeEvents(scheduledEvents) },
    ...(rebalanceNoticeTime
      ? { recommendations: { rebalance: JSON.stringify({ noticeTime: timeOf(rebalanceNoticeTime) }) } }
      : {}),
  }
}

/** `spot`: there is nothing before the notice ("Spot Instance interruption notices"). */
export function spotTree({ spotInterruption: interruption }: InstanceMetadata): MetadataDirectory {
  if (!interruption) return {}
  const time = timeOf(interruption.time)
  return {
    spot: { 'instance-action': JSON.stringify({ action: interruption.action, time }), 'termination-time': time },
  }
}

function writeEvents(events: readonly MaintenanceEvent[]): string {
  const documents = events.map(({ id, code, description, state, notBefore, notAfter }) => ({
    NotBefore: formatGmt(notBefore),
    Code: code,
    Description: description,
    EventId: id,
    NotAfter: formatGmt(notAfter),
    State: state,
  }))
  return JSON.stringify(documents, undefined, 2)
}

/** `21 Jan 2019 09:00:43 GMT` */
function formatGmt(time: Date): string {
  const month = months[time.getUTCMonth()]
  return `${time.getUTCDate()} ${month} ${time.getUTCFullYear()} ${time.toISOString().slice(11, 19)} GMT`
}
