import type { FlowReading } from '../ports/flow-count.ts'
import type { FlowLogRecord } from './flow-log.ts'
import { type FlowRecord, joinFlows, keyOfFlow, type LoggedInterface, type LogLine } from './flow-record.ts'

/** What one flow log gathers in one interval of aggregation. Intervals end at whole multiples of their length on the clock. */
export interface FlowWindow {
  readonly flowLog: FlowLogRecord
  readonly since: number
  /** Adds what a reading has of an interface. */
  add(reading: FlowReading, tapName: string, logged: LoggedInterface): void
  /** Whether the interval is over at that moment. */
  isOver(moment: number): boolean
  /** By interface, in the order of their first reading. */
  lines(): ReadonlyMap<LoggedInterface, readonly LogLine[]>
}

interface Gathered {
  logged: LoggedInterface
  since: number
  until: number
  isSkipped: boolean
  hasTraffic: boolean
  readonly flows: Map<string, FlowRecord>
}

export function openFlowWindow(flowLog: FlowLogRecord, since: number): FlowWindow {
  const { aggregationSeconds, trafficType } = flowLog
  const lengthMs = aggregationSeconds * 1000
  const interfaces = new Map<string, Gathered>()

  function gather(reading: FlowReading, logged: LoggedInterface): Gathered {
    const present = interfaces.get(logged.id)
    if (present) return present
    const { since: begin, until } = reading
    const fresh = { logged, since: begin, until, isSkipped: false, hasTraffic: false, flows: new Map() }
    interfaces.set(logged.id, fresh)
    return fresh
  }

  function describeLines({ logged, since: begin, until, isSkipped, hasTraffic, flows }: Gathered): LogLine[] {
    const bare = { logged, since: begin, until }
    const lines: LogLine[] = [...flows.values()].map((flow) => ({ ...bare, status: 'OK', flow }))
    if (isSkipped) lines.push({ ...bare, status: 'SKIPDATA' })
    else if (!hasTraffic) lines.push({ ...bare, status: 'NODATA' })
    return lines
  }

  return {
    flowLog,
    since,
    add: (reading, tapName, logged) => {
      const gathered = gather(reading, logged)
      gathered.logged = logged
      gathered.until = reading.until
      gathered.isSkipped ||= reading.skippedTapNames.includes(tapName)
      for (const count of reading.flows) {
        if (count.tapName !== tapName) continue
        gathered.hasTraffic = true
        if (trafficType !== 'ALL' && trafficType !== (count.isAccepted ? 'ACCEPT' : 'REJECT')) continue
        const flow = { ...count, since: reading.since, until: reading.until }
        const key = keyOfFlow(flow)
        const earlier = gathered.flows.get(key)
        gathered.flows.set(key, earlier ? joinFlows(earlier, flow) : flow)
      }
    },
    isOver: (moment) => Math.floor(moment / lengthMs) > Math.floor(since / lengthMs),
    lines: () => new Map([...interfaces.values()].map((gathered) => [gathered.logged, describeLines(gathered)])),
  }
}
