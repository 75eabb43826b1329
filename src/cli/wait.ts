import { setTimeout as sleep } from 'node:timers/promises'
import type { KilnClient } from './client.ts'
import { CliError, exitCode, ExitRequest } from './failure.ts'
import { nameOf, resolveInstance } from './resolve/instance.ts'
import { note, type Session } from './session.ts'

/** What a launch, a start or a reboot may be waited for. */
export const waitGoals = ['running', 'ssh', 'cloud-init'] as const
export type WaitGoal = (typeof waitGoals)[number]

const pollIntervalMs = 300

/**
 * Waits until each instance has reached the goal in a boot that was asked for after `previousBoots` (BootRequestedAt by instance id), and
 * tells each stage as it is reached. Has no time limit of its own: a slow guest is no failure. Throws when a machine ends.
 */
export async function waitForBoot(
  session: Session,
  client: KilnClient,
  ids: readonly string[],
  goal: WaitGoal,
  previousBoots: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  await Promise.all(ids.map((id) => waitForOne(session, client, id, goal, previousBoots.get(id))))
}

async function waitForOne(
  session: Session,
  client: KilnClient,
  id: string,
  goal: WaitGoal,
  previousBoot: string | undefined,
): Promise<void> {
  const told = new Set<string>()
  for (;;) {
    const instance = await resolveInstance(client, id)
    const state = instance.State?.Name ?? 'pending'
    if (state !== 'pending' && state !== 'running') {
      throw new CliError(`${id} is ${state}: ${instance.StateReason?.Message ?? 'no reason is known'}.`, {
        hint: `What it printed: kiln logs ${id}`,
      })
    }
    const { BootRequestedAt, BootStages } = await client.call('KilnDescribeInstance', { InstanceId: id })
    if (previousBoot === undefined || BootRequestedAt !== previousBoot) {
      for (const stage of BootStages) {
        if (stage.Seconds === undefined || told.has(stage.Name)) continue
        told.add(stage.Name)
        note(session, `${nameOf(instance) ?? id}  ${stage.Name} after ${stage.Seconds.toFixed(1)} s`)
      }
      if (goal === 'running' ? state === 'running' : told.has(goal)) return
    }
    await pause(session, `${id} goes on booting.`)
  }
}

/** Waits until each instance is in that state. */
export async function waitForState(
  session: Session,
  client: KilnClient,
  ids: readonly string[],
  state: 'stopped' | 'terminated',
): Promise<void> {
  const waiting = new Set(ids)
  while (waiting.size > 0) {
    for (const id of waiting) {
      const instance = await resolveInstance(client, id)
      if (instance.State?.Name === state) {
        waiting.delete(id)
        note(session, `${nameOf(instance) ?? id}  ${state}`)
      } else if (state === 'stopped' && instance.State?.Name !== 'stopping') {
        throw new CliError(`${id} is ${instance.State?.Name}: it is no longer being stopped.`)
      }
    }
    if (waiting.size > 0) await pause(session, 'It goes on without you.')
  }
}

/** Between two looks; Ctrl-C ends the wait, not what is waited for. */
export async function pause(session: Session, farewell: string): Promise<void> {
  await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
  if (!session.signal.aborted) return
  note(session, farewell)
  throw new ExitRequest(exitCode.interrupted)
}
