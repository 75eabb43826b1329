import { expect, test } from 'vitest'
import { executeOperations, Interruption, type Outcome } from '../../../src/manifest/apply/execute.ts'
import type { Operation } from '../../../src/manifest/plan/plan.ts'

function operation(id: string, ...after: string[]): Operation {
  return { kind: 'delete-schedule', name: id, id, after }
}

async function execute(
  operations: Operation[],
  perform: (id: string) => Promise<void>,
  signal = new AbortController().signal,
) {
  const log: string[] = []
  const outcomes = await executeOperations({
    operations,
    perform: async ({ id }) => perform(id),
    follower: {
      onStart: (id) => log.push(`${id} begins`),
      onProgress: () => undefined,
      onEnd: (id, outcome) => log.push(`${id} ${outcome.state}`),
    },
    signal,
  })
  return { log, states: Object.fromEntries([...outcomes].map(([id, outcome]) => [id, describe(outcome)])) }
}

function describe(outcome: Outcome): string {
  return outcome.state === 'skipped' ? `skipped: ${outcome.because}` : outcome.state
}

test('does each operation after those it waits for, and independent ones together', async () => {
  const { log } = await execute([operation('c', 'a', 'b'), operation('a'), operation('b')], async () => undefined)
  expect(log).toEqual(['a begins', 'b begins', 'a done', 'b done', 'c begins', 'c done'])
})

test('goes on with what does not depend on a failure', async () => {
  const { states } = await execute(
    [operation('bad'), operation('child', 'bad'), operation('grandchild', 'child'), operation('other')],
    async (id) => {
      if (id === 'bad') throw new Error('no')
    },
  )
  expect(states).toEqual({
    bad: 'failed',
    child: 'skipped: needs: bad',
    grandchild: 'skipped: needs: child',
    other: 'done',
  })
})

test('finishes what is under way when interrupted, and begins nothing more', async () => {
  const interruption = new AbortController()
  const { states } = await execute(
    [operation('call'), operation('wait'), operation('next', 'call')],
    async (id) => {
      if (id !== 'wait') return
      interruption.abort()
      throw new Interruption('interrupted while it waited')
    },
    interruption.signal,
  )
  expect(states).toEqual({
    call: 'done',
    wait: 'skipped: interrupted while it waited',
    next: 'skipped: interrupted',
  })
})

test('does not hang on operations that wait for each other', async () => {
  const { states } = await execute([operation('a', 'b'), operation('b', 'a')], async () => undefined)
  expect(states).toEqual({ a: 'skipped: waits for itself', b: 'skipped: waits for itself' })
})
