import { expect, test } from 'vitest'
import { createMachineStarter, type MachineStart } from '../../../../src/ec2/instance/machine-starter.ts'
import type { Machine, MachineEvent } from '../../../../src/ec2/ports/machine.ts'
import { StateNotLoaded } from '../../../../src/ec2/ports/machine-state.ts'
import { systemClock } from '../../../../src/host/clock.ts'

const ended: MachineEvent = { kind: 'ended', isClean: false, reason: 'it was killed' }

/** Starts a machine from a template, and another one that boots when that comes to nothing. */
async function startClone(
  goOn: (onEvent: (event: MachineEvent) => void) => Promise<Partial<Machine>>,
  untilConnected = async () => undefined as void,
) {
  const heard: MachineEvent[] = []
  const given: string[] = []
  const cloner = {
    complete: () => undefined,
    giveUp: (_id: string, _clone: unknown, why: string) => void given.push(why),
  }
  const starter = createMachineStarter({ clock: systemClock, hibernator: {} as never, cloner: cloner as never })
  const wanted = {
    ...{ record: { id: 'i-1' }, spec: { drives: [] }, clone: { resumption: {} }, begin: goOn, untilConnected },
    onEvent: (event: MachineEvent) => void heard.push(event),
    beginAnew: async () => ({ name: 'booted' }),
  }
  const { machine } = await starter.start(wanted as unknown as MachineStart)
  return { name: machine.name, heard, given }
}

test('nobody hears of the end of a machine that did not go on, though it is noticed before the start fails', async () => {
  const started = await startClone(async (onEvent) => {
    onEvent(ended)
    throw new StateNotLoaded('the QMP session ended')
  })
  expect(started).toEqual({ name: 'booted', heard: [], given: ['the QMP session ended'] })
})

test('nobody hears of the end of a machine whose guest has not said that it knows who it is', async () => {
  const started = await startClone(async (onEvent) => ({
    kill: async () => undefined,
    giveIdentity: async () => {
      onEvent(ended)
      throw new Error('the machine ended')
    },
  }))
  expect(started).toEqual({ name: 'booted', heard: [], given: ['the machine ended'] })
})

test('the end of a machine is heard that ends as soon as its guest knows who it is', async () => {
  const started = await startClone(async (onEvent) => ({ name: 'clone', giveIdentity: async () => onEvent(ended) }))
  expect(started).toEqual({ name: 'clone', heard: [ended], given: [] })
})

test('a machine that knows who it is ends, and no other one boots, when there is no network for it', async () => {
  const done: string[] = []
  const started = startClone(
    async () => ({
      kill: async () => void done.push('killed'),
      giveIdentity: async () => void done.push('knows who it is'),
    }),
    async () => {
      throw new Error('the network is gone')
    },
  )
  await expect(started).rejects.toThrow('the network is gone')
  expect(done).toEqual(['knows who it is', 'killed'])
})
