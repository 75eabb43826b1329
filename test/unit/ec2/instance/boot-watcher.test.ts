import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createBootWatcher } from '../../../../src/ec2/instance/boot-watcher.ts'
import { createRuntime } from '../../../../src/ec2/instance/runtime.ts'
import type { Machine } from '../../../../src/ec2/ports/machine.ts'
import { statePathsOf } from '../../../../src/host/state-paths.ts'

type Answer = 'greets' | 'refuses' | 'is silent'

/**
 * Has a guest that answers so at its ports greet once, the watcher or somebody who is overheard, and looks `looks` times whether it can be
 * reached; answers where it was asked.
 */
async function watchGuest(answerOf: (port: number) => Answer, looks: number, overheard?: string) {
  const record = {
    id: 'i-1',
    vpcId: 'vpc-1',
    privateIp: '10.0.0.5',
    boot: { requestedAt: 0, stages: { 'cloud-init': 1 } },
  }
  const asked: number[] = []
  const stages: Record<string, unknown> = {}
  const runtime = createRuntime('i-1')
  runtime.machine = { queryState: async () => 'running' } as Partial<Machine> as Machine
  const ended = new AbortController()
  let hasGreeted = false
  const done = new Promise<void>((resolve) => {
    const clock = {
      now: () => new Date(0),
      monotonicMs: () => 0,
      // The look of every half minute, or a look for the banner.
      sleep: async (ms: number) => {
        while (ms >= 30_000 && !hasGreeted) await new Promise((next) => setImmediate(next))
        if (ms >= 30_000 && looks-- === 0) {
          ended.abort()
          resolve()
        }
      },
    }
    const dial = async (_vpcId: string, _host: string, port: number): Promise<Socket> => {
      if (hasGreeted) asked.push(port)
      const answer = hasGreeted ? answerOf(port) : 'greets'
      if (answer === 'refuses') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      if (answer === 'is silent') throw new Error('timeout')
      hasGreeted = true
      const socket = new PassThrough()
      socket.write('SSH-2.0-dropbear\r\n')
      return socket as unknown as Socket
    }
    const overhear = async () => {
      if (overheard === undefined) return undefined
      hasGreeted = true
      return Buffer.from(overheard)
    }
    const watcher = createBootWatcher({
      store: {
        instances: {
          find: () => record,
          replace: (changed: typeof record) => void Object.assign(stages, changed.boot.stages),
        },
        transaction: (work: () => unknown) => work(),
      },
      clock,
      paths: statePathsOf('/nonexistent'),
      network: { dial, overhear },
      events: {},
      log: pino({ level: 'silent' }),
    } as never)
    watcher.watch('i-1', runtime, ended.signal)
  })
  await done
  return { asked, check: runtime.checks.instance, hasSsh: 'ssh' in stages }
}

test('looks where nothing listens whether a guest can be reached, so that its SSH server hears of nobody', async () => {
  expect(await watchGuest((port) => (port === 22 ? 'greets' : 'refuses'), 3)).toMatchObject({
    asked: [9, 9, 9],
    check: 'ok',
  })
})

test('asks the SSH server of a guest whose firewall is silent elsewhere', async () => {
  expect(await watchGuest((port) => (port === 22 ? 'greets' : 'is silent'), 1)).toMatchObject({
    asked: [9, 22],
    check: 'ok',
  })
})

test('a guest that is silent everywhere is impaired', async () => {
  expect(await watchGuest(() => 'is silent', 1)).toMatchObject({ asked: [9, 22], check: 'impaired' })
})

test('asks no guest for a greeting that it gives somebody else', async () => {
  const watched = await watchGuest((port) => (port === 22 ? 'greets' : 'refuses'), 1, 'SSH-2.0-dropbear\r\n')
  expect(watched).toEqual({ asked: [9], check: 'ok', hasSsh: true })
})
