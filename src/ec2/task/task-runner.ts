import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { Ec2Error } from '../errors.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Progress, WorkOptions } from '../ports/work.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Store } from '../ports/store.ts'
import { isObjectUrl, readObjectUrl } from '../transfer/object-url.ts'
import type { TaskRecord, TaskResult } from './task.ts'

/** Runs long work outside of the calls that ask for it. */
export interface TaskRunner {
  /**
   * Begins the work of a task that was recorded as `running`. It gets a private directory that is deleted when it ends, however it
   * ends.
   */
  start(taskId: string, work: (job: WorkOptions & { directory: string }) => Promise<TaskResult>): void
  progressOf(taskId: string): Progress | undefined
  /** Resolves when the task has ended. */
  cancel(taskId: string): Promise<void>
  /**
   * Tasks that an earlier daemon did not finish have failed; their files go. So do the parts that a store has got of an export, which takes
   * as long as the store is away, and by the next daemon if it must.
   */
  abandonInterrupted(): Promise<void>
  close(): Promise<void>
}

interface RunningTask {
  readonly abort: AbortController
  done: Promise<void>
  progress: Progress
}

const interrupted = {
  code: 'Server.Interrupted',
  message: 'The daemon ended during the task, which is not begun again: nothing of it is kept',
}

/** To a store that could not be asked to delete what it has got. */
const retryMs = 60_000

export function createTaskRunner(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  disks: Pick<DiskHost, 'removeInterruptedExport'>
  objects: Pick<ObjectStore, 'removeInterruptedPut'>
  events: Pick<EventBus, 'publish'>
  log: Logger
}): TaskRunner {
  const { store, clock, paths, disks, objects, events, log } = dependencies
  const running = new Map<string, RunningTask>()
  const closing = new AbortController()
  let isClosing = false

  function finish(
    taskId: string,
    outcome: Pick<TaskRecord, 'state' | 'imageId' | 'note' | 'transfer' | 'error' | 'hasPartsLeft'>,
  ): void {
    store.transaction(() => {
      const record = store.tasks.find(taskId)
      if (record) store.tasks.replace({ ...record, ...outcome, endedAt: clock.now().toISOString() })
    })
    events.publish({
      kind: 'task',
      resourceId: taskId,
      message: outcome.error?.message ?? `${taskId} ${outcome.state}`,
    })
  }

  async function run(
    taskId: string,
    abort: AbortController,
    work: (job: WorkOptions & { directory: string }) => Promise<TaskResult>,
  ): Promise<void> {
    const directory = join(paths.staging, taskId)
    try {
      const job = {
        directory,
        signal: abort.signal,
        onProgress: (progress: Progress) => {
          const task = running.get(taskId)
          if (task) task.progress = progress
        },
      }
      const result = await tellOutOfSpace('the task', paths.staging, async () => {
        await ensurePrivateDirectory(directory)
        return await work(job)
      })
      finish(taskId, { state: 'succeeded', ...result })
    } catch (error) {
      if (isClosing) {
        finish(taskId, { state: 'failed', error: interrupted })
        return
      }
      if (abort.signal.aborted) {
        finish(taskId, { state: 'cancelled', error: { code: 'Client.Cancelled', message: 'The task was cancelled' } })
        return
      }
      log.error({ taskId, err: error }, 'task failed')
      const message = error instanceof Error ? error.message : String(error)
      finish(taskId, {
        state: 'failed',
        error: { code: error instanceof Ec2Error ? error.code : 'InternalError', message },
      })
    } finally {
      await fsExtra.remove(directory)
      running.delete(taskId)
    }
  }

  /** The directory may be gone, or on a disk that is: that must not keep the daemon from starting. */
  async function removePart(taskId: string, destination: string): Promise<void> {
    try {
      await disks.removeInterruptedExport(destination)
    } catch (error) {
      log.warn({ taskId, destination, err: error }, 'half of an export could not be removed')
    }
  }

  /** A store takes its time to answer, and keeps what it has got, and may ask money for it, until it is told. */
  async function removeSentParts(taskId: string, destination: string): Promise<void> {
    for (;;) {
      // What is under way to the same place now has parts of its own there.
      const isTaken = store.tasks.listBy('state', 'running').some((task) => task.destination === destination)
      try {
        if (!isTaken) {
          await objects.removeInterruptedPut(readObjectUrl(destination))
          break
        }
      } catch (error) {
        log.warn({ taskId, destination, err: error }, 'parts of an export are left in the bucket: trying again later')
      }
      await clock.sleep(retryMs, closing.signal).catch(() => undefined)
      if (isClosing) return
    }
    store.transaction(() => {
      const task = store.tasks.find(taskId)
      if (!task) return
      const { hasPartsLeft: _removed, ...rest } = task
      store.tasks.replace(rest)
    })
  }

  async function cancel(taskId: string): Promise<void> {
    const task = running.get(taskId)
    task?.abort.abort()
    await task?.done
  }

  return {
    start: (taskId, work) => {
      const abort = new AbortController()
      const task: RunningTask = { abort, progress: { stage: 'Starting' }, done: Promise.resolve() }
      running.set(taskId, task)
      task.done = run(taskId, abort, work)
    },
    progressOf: (taskId) => running.get(taskId)?.progress,
    cancel,
    abandonInterrupted: async () => {
      for (const { id, destination } of store.tasks.listBy('state', 'running')) {
        const hasPartsLeft = destination !== undefined && isObjectUrl(destination)
        if (destination !== undefined && !hasPartsLeft) await removePart(id, destination)
        finish(id, { state: 'failed', error: interrupted, ...(hasPartsLeft ? { hasPartsLeft } : {}) })
      }
      for (const { id, destination, hasPartsLeft } of store.tasks.listAll()) {
        if (hasPartsLeft && destination !== undefined) void removeSentParts(id, destination)
      }
      await fsExtra.emptyDir(paths.staging)
    },
    close: async () => {
      isClosing = true
      closing.abort()
      await Promise.all([...running.keys()].map(cancel))
    },
  }
}
