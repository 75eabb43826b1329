import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Machine } from '../ec2/ports/machine.ts'
import type { Clock } from '../host/clock.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { isProcessAlive, signalProcess } from '../host/process-table.ts'
import { machineFile } from '../host/state-paths.ts'
import { createDriveBay } from './drive-bay.ts'
import { pingGuestAgent, setGuestClock } from './guest-agent.ts'
import { createNetworkBay } from './network-bay.ts'
import type { QmpLink } from './qmp-link.ts'
import { saveState } from './saved-state.ts'
import { giveIdentity, waitForReady } from './template-port.ts'
import { measureMachine } from './usage.ts'

const pollIntervalMs = 5
/** Drives on a slow disk are flushed first. */
const quitTimeoutMs = 10_000

/** A machine that runs, by its monitor. */
export function createLiveMachine(parts: {
  name: string
  directory: string
  identity: ProcessIdentity
  link: QmpLink
  clock: Clock
  executedAt?: Date
}): Machine {
  const { name, directory, identity, link, clock } = parts
  const agentSocket = join(directory, machineFile.agentSocket)
  const templateSocket = join(directory, machineFile.templateSocket)

  async function end(): Promise<void> {
    await signalProcess(identity, 'SIGKILL')
    while (await isProcessAlive(identity)) await clock.sleep(pollIntervalMs)
  }

  return {
    ...createDriveBay({ link, agentSocket }),
    ...createNetworkBay({ link }),
    name,
    pid: identity.pid,
    ...(parts.executedAt ? { executedAt: parts.executedAt } : {}),
    powerDown: async () => {
      await link.execute('system_powerdown')
    },
    reset: async () => {
      await link.execute('system_reset')
    },
    kill: end,
    resume: async () => {
      await link.execute('cont')
    },
    saveState: async (file) =>
      await saveState({ monitor: link, clock }, join(directory, machineFile.stateSocket), file),
    waitForTemplate: async (signal) => await waitForReady(templateSocket, signal),
    saveTemplate: async (path) =>
      await saveState(
        { monitor: link, clock },
        join(directory, machineFile.stateSocket),
        { path },
        { leavesSharedMemory: true },
      ),
    giveIdentity: async (words, signal) => await giveIdentity(templateSocket, words, signal),
    quit: async () => {
      // It ends before it answers.
      await link.execute('quit').catch(() => undefined)
      const deadline = clock.monotonicMs() + quitTimeoutMs
      while (clock.monotonicMs() < deadline && (await isProcessAlive(identity))) await clock.sleep(pollIntervalMs)
      await end()
    },
    queryState: async () => {
      try {
        const answer = (await link.execute('query-status', undefined, 2000)) as { status?: string }
        if (answer.status === 'running') return 'running'
        return answer.status === 'io-error' ? 'io-error' : 'paused'
      } catch {
        return 'unresponsive'
      }
    },
    measure: async (options) => await measureMachine({ identity, link }, options),
    screenDump: async () => {
      const path = join(directory, 'screen.ppm')
      await link.execute('screendump', { filename: path })
      const image = await readFile(path)
      await fsExtra.remove(path)
      return image
    },
    injectNmi: async () => {
      await link.execute('inject-nmi')
    },
    setGuestClock: async () => await setGuestClock(agentSocket, () => clock.now()),
    pingGuestAgent: (timeoutMs) => pingGuestAgent(agentSocket, timeoutMs),
  }
}
