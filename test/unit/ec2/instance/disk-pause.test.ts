import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createDiskPause } from '../../../../src/ec2/instance/disk-pause.ts'
import type { InstanceRuntime } from '../../../../src/ec2/instance/runtime.ts'
import { systemClock } from '../../../../src/host/clock.ts'

/** A machine that its disk has paused `failures` times more before it goes on. */
function openPause(isTriedAgain: boolean, failures = 0) {
  let resumed = 0
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) }
  const pause = createDiskPause({
    clock,
    events: { publish: () => undefined } as never,
    log: pino({ level: 'silent' }),
    resumeFreeBytes: 1,
    freeBytes: async () => 2,
    isTriedAgain: () => isTriedAgain,
  })
  const event = { kind: 'paused-by-io-error', driveId: 'disk1', reason: 'EIO', isNoSpace: false } as const
  const runtime = {
    id: 'i-1',
    machine: {
      resume: async () => {
        resumed++
        pause.onResumed(runtime)
        if (resumed <= failures) pause.onPaused(runtime, event)
      },
    },
  } as unknown as InstanceRuntime
  pause.onPaused(runtime, event)
  return { runtime, pause, resumed: () => resumed }
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('leaves a machine paused whose disk cannot be read or written', async () => {
  const { runtime, resumed } = openPause(false)
  await settle()
  expect(resumed()).toBe(0)
  expect(runtime.problem).toContain('EnableVolumeIO')
})

test('lets a machine go on by itself whose volume has AutoEnableIO, as often as it takes', async () => {
  const { runtime, resumed } = openPause(true, 2)
  await settle()
  expect(resumed()).toBe(3)
  expect(runtime.problem).toBeUndefined()
})
