import type { ServerResponse } from 'node:http'
import type { EventBus } from '../../ec2/event/event-bus.ts'
import type { EventRecord } from '../../ec2/event/event.ts'
import type { EventDescription } from '../kiln/event.ts'

const pageSize = 500

/** An event as it goes over the wire. */
export function describeEvent({ number, time, kind, resourceId, message, detail }: EventRecord): EventDescription {
  return {
    Number: number,
    Time: time,
    Kind: kind,
    ResourceId: resourceId,
    Message: message,
    ...(detail ? { Detail: { ...detail } } : {}),
  }
}

/**
 * Streams the events after `number` that the account is told, one JSON line each, and then each new one until the reader leaves. All of them are read from
 * the store in their order, so none is missing or told twice, and a slow reader costs no memory.
 */
export function streamEvents(events: EventBus, response: ServerResponse, accountId: string, number: number): void {
  let last = number
  let isWaiting = false
  const pump = () => {
    while (!isWaiting && !response.destroyed) {
      const page = events.readAfter(accountId, last, pageSize)
      const end = page.at(-1)
      if (!end) return
      last = end.number
      isWaiting = !response.write(page.map((event) => `${JSON.stringify(describeEvent(event))}\n`).join(''))
    }
  }
  response.on('drain', () => {
    isWaiting = false
    pump()
  })
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  response.on('close', events.follow(pump))
  pump()
}
