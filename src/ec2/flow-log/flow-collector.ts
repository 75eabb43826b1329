import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { type InterfaceRecord, tapNameOf } from '../network-interface/network-interface.ts'
import type { FlowReading } from '../ports/flow-count.ts'
import type { Network } from '../ports/network.ts'
import { natDeviceOf } from '../ports/vpc-network.ts'
import type { Store } from '../ports/store.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import type { FlowDelivery } from './flow-delivery.ts'
import type { FlowLogRecord } from './flow-log.ts'
import type { LoggedInterface, LogLine } from './flow-record.ts'
import type { FlowWatch } from './flow-watch.ts'
import { type FlowWindow, openFlowWindow } from './flow-window.ts'
import { readLoggedInterface } from './logged-interface.ts'

/** Turns what the network counts into the records of flow logs, and brings those to their destinations. */
export interface FlowCollector {
  /** Takes what the network has counted. */
  accept(reading: FlowReading): void
  /** Takes a reading now; everything that passed before is accepted when this resolves. */
  read(): Promise<void>
  /** Ends the intervals of flow logs before their time, as they end: what they have is delivered. */
  conclude(flowLogIds: readonly string[]): Promise<void>
  /** Why the last delivery of a flow log failed; undefined when it did not. */
  problemOf(flowLogId: string): string | undefined
  start(): void
  /** Delivers what is there; what the network has counted since the last reading waits for the next daemon. */
  close(): Promise<void>
}

export interface FlowCollectorDependencies {
  readonly store: Store
  readonly network: Pick<Network, 'readFlows'>
  readonly networks: NetworkDriver
  readonly watch: FlowWatch
  readonly delivery: FlowDelivery
  readonly clock: Clock
  readonly log: Logger
}

const readIntervalMs = 10_000
/** While somebody looks. */
const watchIntervalMs = 1000

export function createFlowCollector(dependencies: FlowCollectorDependencies): FlowCollector {
  const { store, network, networks, watch, delivery, clock, log } = dependencies
  const windows = new Map<string, FlowWindow>()
  const problems = new Map<string, string>()
  /** The interfaces of the last reading of each VPC by tap: one may be gone when its last flows are read. */
  const lastKnown = new Map<string, ReadonlyMap<string, LoggedInterface>>()
  const ending = new AbortController()
  let running: Promise<void> = Promise.resolve()

  function knownInterfaces({ vpcId, tapNames }: FlowReading): ReadonlyMap<string, LoggedInterface> {
    const present = new Map(store.interfaces.listBy('vpcId', vpcId).map((record) => [deviceOf(record), record]))
    const earlier = lastKnown.get(vpcId)
    const known = new Map<string, LoggedInterface>()
    for (const tapName of tapNames) {
      const record = present.get(tapName)
      // One that was detached is told as what it was.
      const logged =
        record?.attachment || record?.natGatewayId ? readLoggedInterface(store, record) : earlier?.get(tapName)
      if (logged) known.set(tapName, logged)
    }
    lastKnown.set(vpcId, known)
    return known
  }

  function accept(reading: FlowReading): void {
    const flowLogs = store.flowLogs.listBy('vpcId', reading.vpcId)
    for (const [tapName, logged] of knownInterfaces(reading)) {
      const resources = new Set([logged.id, logged.subnetId, logged.vpcId])
      for (const flowLog of flowLogs) if (resources.has(flowLog.resourceId)) gather(flowLog, reading, tapName, logged)
      if ([...resources].some((id) => watch.isWatched(id))) watch.append(linesOf(reading, tapName, logged))
    }
  }

  function gather(flowLog: FlowLogRecord, reading: FlowReading, tapName: string, logged: LoggedInterface): void {
    // What came before it was asked for is not its.
    if (reading.until < Date.parse(flowLog.createdAt)) return
    const window = windows.get(flowLog.id) ?? openFlowWindow(flowLog, reading.since)
    windows.set(flowLog.id, window)
    window.add(reading, tapName, logged)
  }

  async function deliver(window: FlowWindow): Promise<void> {
    const { id } = window.flowLog
    windows.delete(id)
    try {
      await delivery.deliver(window, clock.now().getTime())
      problems.delete(id)
    } catch (error) {
      log.warn({ flowLogId: id, err: error }, 'flow log could not be delivered')
      if (store.flowLogs.find(id)) problems.set(id, error instanceof Error ? error.message : String(error))
    }
  }

  async function lookAfter(): Promise<void> {
    for (const id of watch.expire()) refreshVpcOf(id)
    if (watch.hasWatchers() || store.flowLogs.listIds().length > 0) await network.readFlows()
    const now = clock.now().getTime()
    for (const window of [...windows.values()]) if (window.isOver(now)) await deliver(window)
  }

  function refreshVpcOf(resourceId: string): void {
    const vpcId =
      store.interfaces.find(resourceId)?.vpcId ??
      store.subnets.find(resourceId)?.vpcId ??
      store.vpcs.find(resourceId)?.id
    if (vpcId !== undefined) networks.refreshSoon(vpcId)
  }

  /** Readings come at whole multiples of their interval, so that intervals of aggregation have the same number of them. */
  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      const interval = watch.hasWatchers() ? watchIntervalMs : readIntervalMs
      const now = clock.now().getTime()
      // A second at most: somebody may begin to look.
      const untilNext = Math.min(interval - (now % interval), watchIntervalMs)
      await clock.sleep(untilNext, ending.signal).catch(() => undefined)
      const isDue = Math.floor(clock.now().getTime() / interval) > Math.floor(now / interval)
      if (ending.signal.aborted || !isDue) continue
      await lookAfter().catch((error: unknown) => log.error({ err: error }, 'flows could not be gathered'))
    }
  }

  return {
    accept,
    read: () => network.readFlows(),
    conclude: async (flowLogIds) => {
      for (const id of flowLogIds) {
        const window = windows.get(id)
        if (window) await deliver(window)
        problems.delete(id)
      }
    },
    problemOf: (flowLogId) => problems.get(flowLogId),
    start: () => {
      running = run()
    },
    close: async () => {
      ending.abort()
      await running
      for (const window of [...windows.values()]) await deliver(window)
    },
  }
}

function deviceOf({ id, natGatewayId }: InterfaceRecord): string {
  return natGatewayId === undefined ? tapNameOf(id) : natDeviceOf(natGatewayId)
}

/** What a reading has of one interface, for those who look: no line where nothing passed. */
function linesOf(reading: FlowReading, tapName: string, logged: LoggedInterface): LogLine[] {
  const { since, until, flows, skippedTapNames } = reading
  const lines: LogLine[] = flows
    .filter((count) => count.tapName === tapName)
    .map((count) => ({ logged, since, until, status: 'OK', flow: { ...count, since, until } }))
  return skippedTapNames.includes(tapName) ? [...lines, { logged, since, until, status: 'SKIPDATA' }] : lines
}
