import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { ensurePrivateDirectory } from '../../host/files.ts'
import { createKeyedLock } from '../../host/keyed-lock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { Ec2Error } from '../errors.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { DiskProgress } from '../ports/work.ts'
import type { Store } from '../ports/store.ts'
import type { TransferJob, TransferRecord, TransferRecordOf, TransferWork } from './transfer.ts'

/** How far a transfer has come. */
export interface TransferProgress {
  readonly percent: number
  /** What is being done, for a person. */
  readonly stage: string
  /** Of the disks that the sources hold, by the index of the source, when that is known. */
  readonly disks?: ReadonlyMap<number, DiskProgress>
}

/** Carries out transfers, outside of the calls that ask for them; those that the daemon's end interrupts are begun again by the next. */
export interface TransferRunner {
  /** Begins one that was recorded as `active`; returns at once. */
  start(id: string): void
  /** Undefined for one that is over. */
  progressOf(id: string): TransferProgress | undefined
  /** Ends one that was recorded as `deleting`; resolves when it has ended. */
  cancel(id: string): Promise<void>
  /** Goes on with what an earlier daemon did not finish, and forgets what is long over. */
  resume(): void
  /** Interrupts what is under way, for the next daemon to go on with. */
  close(): Promise<void>
}

export type TransferWorks = { readonly [Kind in TransferRecord['kind']]: TransferWork<TransferRecordOf<Kind>> }

interface RunningTransfer {
  readonly abort: AbortController
  done: Promise<void>
  progress: TransferProgress
}

/** Conversions are bound by processors and disks: more at once would each take longer. */
const atOnce = 2
/** How long EC2 tells of them ("DescribeStoreImageTasks"). */
const keptMs = 31 * 24 * 3600 * 1000

export function createTransferRunner(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  works: TransferWorks
  events: EventBus
  log: Logger
}): TransferRunner {
  const { store, clock, paths, works, events, log } = dependencies
  const running = new Map<string, RunningTransfer>()
  const turns = createKeyedLock()
  let nextTurn = 0
  let isClosing = false

  function jobOf(id: string, directory: string, signal: AbortSignal): TransferJob {
    return {
      directory,
      signal,
      phase: (from, to, source) => ({
        signal,
        onProgress: ({ stage, doneBytes = 0, totalBytes = 0, disk }) => {
          const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 0
          const transfer = running.get(id)
          if (!transfer) return
          const { disks = new Map<number, DiskProgress>() } = transfer.progress
          const known = disk && source !== undefined ? new Map([...disks, [source, disk]]) : disks
          const percent = Math.floor(from + (to - from) * share)
          transfer.progress = { stage: stage.toLowerCase(), percent, disks: known }
        },
      }),
    }
  }

  async function run(id: string, signal: AbortSignal, isResumed: boolean): Promise<void> {
    const directory = join(paths.staging, id)
    try {
      if (isResumed) await removeInterrupted(id)
      await turns.run(String(nextTurn++ % atOnce), signal, async () => {
        signal.throwIfAborted()
        const transfer = store.transfers.find(id)
        if (transfer?.state !== 'active') return
        await tellOutOfSpace('the transfer', paths.staging, async () => {
          await ensurePrivateDirectory(directory)
          await complete(transfer, jobOf(id, directory, signal))
        })
      })
    } catch (error) {
      await fsExtra.remove(directory)
      if (!isClosing) settleFailure(id, error)
    } finally {
      running.delete(id)
    }
  }

  async function complete(transfer: TransferRecord, job: TransferJob): Promise<void> {
    const outcome = await workOf(transfer).run(transfer, job)
    try {
      // Before the record says that it is over.
      await fsExtra.remove(job.directory)
      store.transaction(() => {
        const present = store.transfers.find(transfer.id)
        if (present?.state !== 'active') throw new Error('it was cancelled')
        const changes = outcome.commit()
        const endedAt = clock.now().toISOString()
        store.transfers.replace({ ...present, ...changes, state: 'completed', endedAt } as TransferRecord)
      })
    } catch (error) {
      await outcome.discard()
      throw error
    }
    await outcome.settle?.()
    publish(transfer, 'is completed')
  }

  function workOf({ kind }: TransferRecord): TransferWork<TransferRecord> {
    return works[kind]
  }

  function settleFailure(id: string, error: unknown): void {
    store.transaction(() => {
      const transfer = store.transfers.find(id)
      if (transfer?.state !== 'active' && transfer?.state !== 'deleting') return
      const isCancelled = transfer.state === 'deleting'
      const statusMessage = isCancelled ? (transfer.statusMessage ?? 'Cancelled') : messageOf(error)
      if (!isCancelled) log.error({ transferId: id, err: error }, 'transfer failed')
      workOf(transfer).abandon?.(transfer, { isCancelled, reason: statusMessage })
      store.transfers.replace({ ...transfer, state: 'deleted', statusMessage, endedAt: clock.now().toISOString() })
      publish(transfer, isCancelled ? 'is cancelled' : `failed: ${statusMessage}`)
    })
  }

  function publish({ id }: TransferRecord, what: string): void {
    events.publish({ kind: 'task', resourceId: id, message: `${id} ${what}` })
  }

  async function removeInterrupted(id: string): Promise<void> {
    const transfer = store.transfers.find(id)
    try {
      if (transfer) await workOf(transfer).removeInterrupted?.(transfer)
    } catch (error) {
      log.warn({ transferId: id, err: error }, 'half of a transfer could not be removed')
    }
  }

  function begin(id: string, isResumed: boolean): void {
    const abort = new AbortController()
    const transfer: RunningTransfer = { abort, done: Promise.resolve(), progress: { percent: 0, stage: 'pending' } }
    running.set(id, transfer)
    transfer.done = run(id, abort.signal, isResumed)
  }

  return {
    start: (id) => begin(id, false),
    progressOf: (id) => running.get(id)?.progress,
    cancel: async (id) => {
      const transfer = running.get(id)
      transfer?.abort.abort()
      await transfer?.done
    },
    resume: () => {
      const forgotten = new Date(clock.now().getTime() - keptMs).toISOString()
      store.transaction(() => {
        for (const { id, endedAt } of store.transfers.listAll()) {
          if (endedAt === undefined || endedAt >= forgotten) continue
          store.transfers.remove(id)
          store.tags.removeAll(id)
        }
      })
      for (const { id } of store.transfers.listBy('state', 'active')) begin(id, true)
      for (const { id } of store.transfers.listBy('state', 'deleting')) {
        begin(id, true)
        running.get(id)?.abort.abort()
      }
    },
    close: async () => {
      isClosing = true
      const all = [...running.values()]
      for (const { abort } of all) abort.abort()
      await Promise.all(all.map(({ done }) => done))
    },
  }
}

/** As EC2 begins them: whose mistake it was, first. */
function messageOf(error: unknown): string {
  if (error instanceof Ec2Error) return `${error.status < 500 ? 'Client' : 'Server'}Error: ${error.message}`
  return 'ServerError: an internal error has occurred.'
}
