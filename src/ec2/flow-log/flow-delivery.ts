import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { ObjectStore } from '../ports/object-store.ts'
import type { FlowLogDestination, FlowLogRecord } from './flow-log.ts'
import type { FlowWindow } from './flow-window.ts'
import type { LogGroups } from './log-group.ts'
import { parseLogFormat } from './log-format.ts'

/** Brings what a flow log has gathered to its destination. */
export interface FlowDelivery {
  /** Rejects when it could not be written: what was gathered is lost then. */
  deliver(window: FlowWindow, until: number): Promise<void>
}

export function createFlowDelivery(dependencies: { objects: ObjectStore; logGroups: LogGroups }): FlowDelivery {
  const { objects, logGroups } = dependencies

  async function putObject(
    flowLog: FlowLogRecord,
    destination: FlowLogDestination & { type: 's3' },
    text: string,
    until: number,
  ): Promise<void> {
    const content = gzipSync(text)
    await objects.put(
      { bucket: destination.bucket, key: keyOfObject(flowLog, destination, text, new Date(until)) },
      { stream: Readable.from([content]), sizeBytes: content.length },
      { signal: AbortSignal.timeout(deliveryTimeoutMs), onProgress: () => undefined },
    )
  }

  return {
    deliver: async (window, until) => {
      const { flowLog } = window
      const { destination } = flowLog
      const format = parseLogFormat(flowLog.format)
      const interfaces = [...window.lines()].filter(([, lines]) => lines.length > 0)
      if (interfaces.length === 0) return
      if (destination.type === 's3') {
        const lines = interfaces.flatMap(([, ofInterface]) => ofInterface.map(format.write))
        await putObject(flowLog, destination, `${[format.header, ...lines].join('\n')}\n`, until)
        return
      }
      const suffix = flowLog.trafficType.toLowerCase()
      for (const [{ id }, lines] of interfaces) {
        await logGroups.append(flowLog, destination.logGroupName, `${id}-${suffix}`, lines.map(format.write))
      }
    },
  }
}

const deliveryTimeoutMs = 60_000

/** "Flow log files": where EC2 puts them, and how it calls them. Pure. */
export function keyOfObject(
  { accountId, region, id }: Pick<FlowLogRecord, 'accountId' | 'region' | 'id'>,
  { prefix, hasHivePartitions, hasHourPartitions }: FlowLogDestination & { type: 's3' },
  content: string,
  time: Date,
): string {
  const [date = '', clock = ''] = time.toISOString().split('T')
  const [year = '', month = '', day = ''] = date.split('-')
  const [hour = '', minute = ''] = clock.split(':')
  const hive = (name: string, value: string) => (hasHivePartitions ? `${name}=${value}` : value)
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 8)
  return [
    `${prefix}AWSLogs`,
    hive('aws-account-id', accountId),
    hive('aws-service', 'vpcflowlogs'),
    hive('aws-region', region),
    hive('year', year),
    hive('month', month),
    hive('day', day),
    ...(hasHourPartitions ? [hive('hour', hour)] : []),
    `${accountId}_vpcflowlogs_${region}_${id}_${year}${month}${day}T${hour}${minute}Z_${digest}.log.gz`,
  ].join('/')
}
