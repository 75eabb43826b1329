import pino from 'pino'
import { expect, test } from 'vitest'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import { createInstanceDriver } from '../../../../src/ec2/instance/driver.ts'
import type { DriverDependencies } from '../../../../src/ec2/instance/driver-context.ts'
import type { MachineLauncher } from '../../../../src/ec2/instance/launcher.ts'
import { systemClock } from '../../../../src/host/clock.ts'
import { systemRandom } from '../../../../src/host/random.ts'
import { eventually, openFreezeBench } from '../snapshot/freeze-bench.ts'

const instanceId = 'i-1'

/** A daemon that starts where an instance is `running`, and what it asks of the host. */
async function startDaemon(adopt: MachineLauncher['adopt']) {
  const { store, scope } = await openFreezeBench()
  store.transaction(() => store.instances.insert({ ...scope, id: instanceId, state: 'running' } as never))
  const asked: string[] = []
  const parts = {
    store,
    clock: { ...systemClock, sleep: async () => await systemClock.sleep(1) },
    random: systemRandom,
    events: createEventBus({ store, clock: systemClock }),
    launcher: {
      adopt: async (...call: Parameters<typeof adopt>) => {
        asked.push('adopt')
        return await adopt(...call)
      },
      start: async () => {
        asked.push('start')
        throw new Error('no machine is to be started')
      },
      release: async () => undefined,
    },
    bootWatcher: { watch: () => undefined },
    diskPause: { close: () => undefined },
    drives: { converge: async () => void asked.push('converge'), settle: async () => undefined },
    interfaces: { converge: async () => false, settle: () => undefined },
    // It needs another machine as soon as its present one is gone.
    rootReplacer: {
      prepare: async () => false,
      settle: async () => undefined,
      complete: () => undefined,
      isWaiting: () => false,
      isReplaced: () => true,
    },
    log: pino({ level: 'silent' }),
  }
  const instances = createInstanceDriver(parts as unknown as DriverDependencies)
  return { instances, asked, stateOf: () => store.instances.find(instanceId)?.state }
}

const machine = { pid: 1 } as Awaited<ReturnType<MachineLauncher['adopt']>>

test('an instance that is woken before its machine was looked for gets no second one', async () => {
  const { instances, asked, stateOf } = await startDaemon(async () => machine)
  instances.wake(instanceId)
  await systemClock.sleep(20)
  expect(asked).toEqual([])
  await instances.adopt()
  await eventually(() => expect(asked).toEqual(['adopt', 'converge']))
  expect(stateOf()).toBe('running')
})

test('one that could not be looked for is looked for again', async () => {
  let tries = 0
  const { instances, asked, stateOf } = await startDaemon(async () => {
    if (++tries < 3) throw new Error('too many open files')
    return machine
  })
  await instances.adopt()
  instances.wake(instanceId)
  await eventually(() => expect(asked).toEqual(['adopt', 'adopt', 'adopt', 'converge']))
  expect(stateOf()).toBe('running')
})
