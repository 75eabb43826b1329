import type { Clock } from '../../host/clock.ts'
import type { Clone, Cloner } from '../fast-launch/cloner.ts'
import type { Hibernator } from '../hibernation/hibernator.ts'
import type { Machine, MachineEvent } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import { type Resumption, StateNotLoaded } from '../ports/machine-state.ts'
import type { InstanceRecord } from './instance.ts'

/** A machine that is to run for an instance. */
export interface MachineStart {
  readonly record: InstanceRecord
  readonly spec: MachineSpec
  /** The template that it goes on from. */
  readonly clone: Clone | undefined
  readonly onEvent: (event: MachineEvent) => void
  /** As PreparedMachine.start, where the machine is to run. */
  readonly begin: (onEvent: MachineStart['onEvent'], resumption?: Resumption) => Promise<Machine>
  /** The machine once more, from its disks: what it was to go on from is of no use. */
  readonly beginAnew: (onEvent: MachineStart['onEvent']) => Promise<Machine>
  /** Resolves when its packets go where the records say; until then it may go on, and hears and says nothing. Rejects when they cannot. */
  readonly untilConnected: () => Promise<void>
}

/** Starts machines: from the memory of their own, from a template, or from their disks. */
export interface MachineStarter {
  /** `isResumed`: it goes on with its own memory. */
  start(wanted: MachineStart): Promise<{ readonly machine: Machine; readonly isResumed: boolean }>
}

/** A guest that hangs must not hold a launch up for ever; twenty that go on at once under emulation take their time. */
const identityTimeoutMs = 120_000

export function createMachineStarter({
  clock,
  hibernator,
  cloner,
}: {
  clock: Pick<Clock, 'monotonicMs'>
  hibernator: Hibernator
  cloner: Cloner
}): MachineStarter {
  /** Rejects with whatever kept it from going on; nothing of it is left then, and nobody has heard of it. */
  async function goOn(
    { begin, onEvent }: MachineStart,
    resumption: Resumption,
    awaken: (machine: Machine) => Promise<void>,
  ): Promise<Machine> {
    let isAwake = false
    let ending: MachineEvent | undefined
    // Of one that cannot go on nobody is to hear that it ended, which may be noticed before what it was asked for fails.
    const onOwnEvent = (event: MachineEvent) => {
      if (event.kind === 'ended' && !isAwake) ending = event
      else onEvent(event)
    }
    let machine: Machine | undefined
    try {
      machine = await begin(onOwnEvent, resumption)
      await awaken(machine)
    } catch (error) {
      await machine?.kill()
      throw error
    }
    isAwake = true
    if (ending) onEvent(ending)
    return machine
  }

  async function startClone(wanted: MachineStart, clone: Clone): Promise<Machine> {
    const { record, beginAnew, onEvent, untilConnected } = wanted
    const startedMs = clock.monotonicMs()
    try {
      const machine = await goOn(wanted, clone.resumption, async (own) => {
        await fitRoot(own, wanted.spec, clone)
        await own.giveIdentity(clone.words, AbortSignal.timeout(identityTimeoutMs))
        await untilConnected()
      })
      cloner.complete(record.id, clone)
      return machine
    } catch (error) {
      // Without a network no other machine would do better.
      await untilConnected()
      const hasHung = clock.monotonicMs() - startedMs >= identityTimeoutMs
      const why = hasHung ? `its guest did not answer within ${identityTimeoutMs / 1000} s` : messageOf(error)
      cloner.giveUp(record.id, clone, why, hasHung || error instanceof StateNotLoaded)
      return await beginAnew(onEvent)
    }
  }

  return {
    start: async (wanted) => {
      const { record, spec, clone, onEvent, begin, beginAnew } = wanted
      if (clone) return { machine: await startClone(wanted, clone), isResumed: false }
      const resumption = await hibernator.findResumption(record, spec)
      if (!resumption) return { machine: await begin(onEvent), isResumed: false }
      try {
        return { machine: await goOn(wanted, resumption, async () => undefined), isResumed: true }
      } catch (error) {
        if (!(error instanceof StateNotLoaded)) throw error
        await hibernator.giveUp(record.id, error.message)
        return { machine: await beginAnew(onEvent), isResumed: false }
      }
    },
  }
}

/** The template's disk may be smaller than the volume that stands on it. */
async function fitRoot(
  machine: Machine,
  { drives }: MachineSpec,
  { rootSizeBytes, wantedBytes }: Clone,
): Promise<void> {
  const root = drives.find(({ bootIndex }) => bootIndex === 0)
  if (root && wantedBytes > rootSizeBytes) await machine.growDrive(root.id, wantedBytes)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
