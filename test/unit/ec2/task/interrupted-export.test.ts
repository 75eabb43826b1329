import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ObjectPlace } from '../../../../src/ec2/ports/object-store.ts'
import type { TaskRecord } from '../../../../src/ec2/task/task.ts'
import { createTaskRunner, type TaskRunner } from '../../../../src/ec2/task/task-runner.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { statePathsOf } from '../../../../src/host/state-paths.ts'
import { openStore } from '../../../../src/store/store.ts'

let directory: string
let store: ReturnType<typeof openStore>
let runner: TaskRunner
/** What the store was asked for, and what lets a waiting daemon try again. */
let asked: ObjectPlace[]
let wakeUp: (() => void)[]
let isStoreAway: boolean

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-task-'))
  store = openStore(join(directory, 'kiln.db'))
  isStoreAway = false
  startDaemon()
})
afterEach(async () => {
  await runner.close()
  store.close()
  await rm(directory, { recursive: true })
})

function startDaemon(): void {
  asked = []
  wakeUp = []
  runner = createTaskRunner({
    store,
    clock: { ...systemClock, sleep: () => new Promise((resolve) => wakeUp.push(resolve)) },
    paths: statePathsOf(directory),
    disks: { removeInterruptedExport: async () => undefined },
    objects: {
      removeInterruptedPut: async (place) => {
        asked.push(place)
        if (isStoreAway) throw new Error('the store is away')
      },
    },
    events: { publish: () => undefined },
    log: pino({ level: 'silent' }),
  })
}

function exportTask(id: string): TaskRecord {
  const scope = { accountId: '123456789012', region: 'us-east-1' }
  const startedAt = '2026-01-01T00:00:00.000Z'
  const destination = 's3://archive/disk.raw'
  return { ...scope, id, kind: 'export-snapshot', subject: 'snap-1', destination, state: 'running', startedAt }
}

const place = { bucket: 'archive', key: 'disk.raw' }
const find = () => store.tasks.find('task-1')

test('an interrupted export has failed, and its parts go', async () => {
  store.tasks.insert(exportTask('task-1'))
  await runner.abandonInterrupted()
  expect(find()).toMatchObject({ state: 'failed', error: { code: 'Server.Interrupted' } })
  await vi.waitFor(() => expect(find()?.hasPartsLeft).toBeUndefined())
  expect(asked).toEqual([place])
})

test('while the store is away they are kept in mind, by the next daemon too', async () => {
  store.tasks.insert(exportTask('task-1'))
  isStoreAway = true
  await runner.abandonInterrupted()
  await vi.waitFor(() => expect(wakeUp).toHaveLength(1))
  wakeUp.pop()?.()
  await vi.waitFor(() => expect(asked).toHaveLength(2))
  expect(find()).toMatchObject({ state: 'failed', hasPartsLeft: true })

  startDaemon()
  isStoreAway = false
  await runner.abandonInterrupted()
  await vi.waitFor(() => expect(find()?.hasPartsLeft).toBeUndefined())
  expect(asked).toEqual([place])
})

test('parts of a new export to the same place are not taken for those of the old one', async () => {
  store.tasks.insert(exportTask('task-1'))
  isStoreAway = true
  await runner.abandonInterrupted()
  await vi.waitFor(() => expect(wakeUp).toHaveLength(1))
  isStoreAway = false
  store.tasks.insert(exportTask('task-2'))
  wakeUp.pop()?.()
  await vi.waitFor(() => expect(wakeUp).toHaveLength(1))
  expect(asked).toHaveLength(1)
  store.tasks.replace({ ...exportTask('task-2'), state: 'succeeded' })
  wakeUp.pop()?.()
  await vi.waitFor(() => expect(find()?.hasPartsLeft).toBeUndefined())
})
