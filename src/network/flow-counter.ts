import type { FlowReading } from '../ec2/ports/flow-count.ts'
import type { Clock } from '../host/clock.ts'
import type { ProcessHost } from '../host/process.ts'
import { parseFlowTable, parseFlowTableNames } from './flow-counts.ts'
import type { Family } from './family.ts'
import { flowTable, flowTableName, flowTableSince, takeOver } from './flow-table.ts'
import { type Namespace, runInside } from './namespace.ts'

/** Counts the flows of a VPC's interfaces in its namespace. Its calls are made one after the other. */
export interface FlowCounter {
  /**
   * Counts those of these interfaces from now on, of these families; what was counted of others is told. Nothing where that is so
   * already.
   */
  watch(tapNames: readonly string[], families: readonly Family[]): Promise<void>
  /** Tells what was counted since the last reading, and goes on. */
  read(): Promise<void>
}

export interface FlowCounterDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly onReading: (reading: FlowReading) => void
}

/** A packet that is on its way through the old table when it is replaced is counted there: it is through long before. */
const settleMs = 20

/** What is counted. */
interface Watch {
  readonly tapNames: readonly string[]
  readonly families: readonly Family[]
}

/** `isFresh`: nobody can have counted in that namespace before. */
export function createFlowCounter(
  { processes, clock, onReading }: FlowCounterDependencies,
  namespace: Namespace,
  isFresh: boolean,
): FlowCounter {
  /** The tables that are there, the oldest first; unknown after a start of the daemon: an earlier one's go on counting. */
  let tables: string[] | undefined = isFresh ? [] : undefined
  let watched: Watch = { tapNames: [], families: [] }
  let last = Promise.resolve()

  async function readTables(): Promise<string[]> {
    return parseFlowTableNames(await runInside(processes, namespace, ['nft', '-j', 'list', 'tables', 'inet']))
  }

  /** Each table is deleted once it was read, so that a crash tells nothing twice. */
  async function replace(next: Watch): Promise<void> {
    const { tapNames, families } = next
    const former = tables ?? (await readTables())
    const newest = flowTableSince(former.at(-1) ?? '') ?? 0
    // Two tables of one millisecond must not have one name.
    const until = Math.max(clock.now().getTime(), newest + 1)
    const name = flowTableName(until)
    const table = tapNames.length > 0 ? flowTable(name, tapNames, families) : ''
    tables = undefined
    await runInside(processes, namespace, ['nft', '-f', '-'], takeOver(table, former))
    watched = next
    if (former.length > 0) await clock.sleep(settleMs)
    for (const [index, table] of former.entries()) {
      const json = await runInside(processes, namespace, ['nft', '-nn', '-j', 'list', 'table', 'inet', table])
      await runInside(processes, namespace, ['nft', 'delete', 'table', 'inet', table])
      const since = flowTableSince(table) ?? until
      onReading({
        vpcId: namespace.vpcId,
        since,
        until: flowTableSince(former[index + 1] ?? '') ?? until,
        ...parseFlowTable(json),
      })
    }
    tables = tapNames.length > 0 ? [name] : []
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }

  return {
    watch: async (tapNames, families) => {
      await inTurn(async () => {
        const isSame =
          tables !== undefined &&
          watched.tapNames.join() === tapNames.join() &&
          (tapNames.length === 0 || watched.families.length === families.length)
        if (!isSame) await replace({ tapNames, families })
      })
    },
    read: async () => {
      await inTurn(async () => {
        if (tables === undefined || tables.length > 0) await replace(watched)
      })
    },
  }
}
