import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { findProcesses, identifyProcess, isProcessAlive, readBootId, signalProcess } from '../host/process-table.ts'
import { machineFile } from '../host/state-paths.ts'
import type { Machine, MachineEvent, MachineHost, MachineSpec } from '../ec2/ports/machine.ts'
import { machineArgv } from './argv.ts'
import { pingGuestAgent } from './guest-agent.ts'
import { connectQmp, type QmpClient, type QmpEvent } from './qmp.ts'

export interface MachineHostDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly log: Logger
}

/** What process.json of a machine says: enough to find its process again, and to know that it is that very one. */
interface RecordedProcess extends ProcessIdentity {
  readonly bootId: string
}

/** QEMU under TCG on a busy host may take seconds to its first QMP answer; only a hang takes longer. */
const startTimeoutMs = 30_000
const pollIntervalMs = 5
const endPollIntervalMs = 500

export function createMachineHost(dependencies: MachineHostDependencies): MachineHost {
  const { processes, clock, log } = dependencies

  async function start(
    spec: MachineSpec,
    commandPrefix: readonly string[],
    onEvent: (event: MachineEvent) => void,
  ): Promise<Machine> {
    const began = clock.monotonicMs()
    const { directory } = spec
    // Sockets of an earlier run would be taken for this one's.
    for (const name of [machineFile.qmpSocket, machineFile.pid, machineFile.identity]) {
      await fsExtra.remove(join(directory, name))
    }
    const logPath = join(directory, machineFile.qemuLog)
    await fsExtra.remove(logPath)
    await writeFileAtomic(join(directory, machineFile.spec), JSON.stringify(spec, undefined, 2), { isDurable: false })
    const [program, ...rest] = [...commandPrefix, ...machineArgv(spec)]
    const child = await processes.startDetached({ argv: [program ?? '', ...rest] }, logPath)
    const execMs = clock.monotonicMs() - began
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid)
    if (!identity) throw new Error(`QEMU ended at once: ${await readLogTail(logPath)}`)
    try {
      const recorded: RecordedProcess = { ...identity, bootId: await readBootId() }
      await writeFileAtomic(join(directory, machineFile.identity), JSON.stringify(recorded))
      return await attach(spec.name, directory, identity, onEvent, execMs)
    } catch (error) {
      await signalProcess(identity, 'SIGKILL')
      throw new Error(`QEMU did not start: ${(await readLogTail(logPath)) || String(error)}`, { cause: error })
    }
  }

  /** Opens the QMP session of a live process and watches for its end. */
  async function attach(
    name: string,
    directory: string,
    identity: ProcessIdentity,
    onEvent: (event: MachineEvent) => void,
    execMs?: number,
  ): Promise<Machine> {
    let hasEnded = false
    let isGuestShutdown = false

    const onQmpEvent = (event: QmpEvent) => {
      if (event.event === 'SHUTDOWN' && event.data['guest'] === true) isGuestShutdown = true
      const translated = translateEvent(event)
      if (translated) onEvent(translated)
    }
    const end = async () => {
      if (hasEnded) return
      hasEnded = true
      // QEMU removes its pid file when it ends by itself, and cannot when it is killed or crashes.
      const isClean = isGuestShutdown || !(await fsExtra.pathExists(join(directory, machineFile.pid)))
      const reason = isClean ? 'the guest powered off' : `QEMU ended unexpectedly: ${await describeEnd(directory)}`
      onEvent({ kind: 'ended', isClean, reason })
    }
    const waitForEnd = async () => {
      while (await isProcessAlive(identity)) await clock.sleep(endPollIntervalMs)
      await end()
    }
    /** The session closes when QEMU exits; its process is gone some milliseconds later. */
    const onClose = () => {
      const settle = async () => {
        for (let tries = 0; tries < 100 && (await isProcessAlive(identity)); tries++) await clock.sleep(10)
        if (!(await isProcessAlive(identity))) await end()
      }
      settle().catch((error: unknown) => log.error({ machine: name, err: error }, 'end of machine could not be seen'))
    }

    const qmp = await openQmp(directory, identity, { onEvent: onQmpEvent, onClose })
    waitForEnd().catch((error: unknown) => log.error({ machine: name, err: error }, 'machine is no longer watched'))
    return createMachine({ name, directory, identity, qmp, clock, ...(execMs === undefined ? {} : { execMs }) })
  }

  async function openQmp(
    directory: string,
    identity: ProcessIdentity,
    handlers: { onEvent: (event: QmpEvent) => void; onClose: () => void },
  ): Promise<QmpClient> {
    const path = join(directory, machineFile.qmpSocket)
    const deadline = clock.monotonicMs() + startTimeoutMs
    for (;;) {
      try {
        return await connectQmp(path, handlers)
      } catch (error) {
        if (!(await isProcessAlive(identity))) throw new Error('the process ended', { cause: error })
        if (clock.monotonicMs() > deadline) throw error
        await clock.sleep(pollIntervalMs)
      }
    }
  }

  return {
    start,
    adopt: async (directory, onEvent) => {
      const identity = await findIdentity(directory)
      const bootId = await readBootId()
      if (identity && identity.bootId === bootId && (await isProcessAlive(identity))) {
        const spec = JSON.parse(await readFile(join(directory, machineFile.spec), 'utf8')) as MachineSpec
        return await attach(spec.name, directory, identity, onEvent)
      }
      const isHostRebooted = identity !== undefined && identity.bootId !== bootId
      const isClean =
        !isHostRebooted && identity !== undefined && !(await fsExtra.pathExists(join(directory, machineFile.pid)))
      return { kind: 'gone', isClean, isHostRebooted }
    },
    removeStrays: async (machinesDirectory, names) => {
      const strays = await findProcesses((argv) => {
        const name = machineNameOf(argv, machinesDirectory)
        return name !== undefined && !names.has(name)
      })
      for (const stray of strays) await signalProcess(stray, 'SIGKILL')
      return strays.map((stray) => machineNameOf(stray.argv, machinesDirectory) ?? '')
    },
  }
}

/** The recorded process, or the one whose arguments name the directory: a crash may have come before the record. */
async function findIdentity(directory: string): Promise<RecordedProcess | undefined> {
  const text = await readFile(join(directory, machineFile.identity), 'utf8').catch(() => undefined)
  if (text !== undefined) return JSON.parse(text) as RecordedProcess
  const pidFile = join(directory, machineFile.pid)
  const [found] = await findProcesses((argv) => isQemu(argv) && argv.includes(pidFile))
  return found && { pid: found.pid, startTicks: found.startTicks, bootId: await readBootId() }
}

function isQemu(argv: readonly string[]): boolean {
  return argv[0]?.includes('qemu-system-') ?? false
}

function machineNameOf(argv: readonly string[], machinesDirectory: string): string | undefined {
  if (!isQemu(argv)) return undefined
  const pidFile = argv[argv.indexOf('-pidfile') + 1]
  if (!pidFile?.startsWith(`${machinesDirectory}/`)) return undefined
  return pidFile.slice(machinesDirectory.length + 1).split('/')[0]
}

async function describeEnd(directory: string): Promise<string> {
  const tail = await readLogTail(join(directory, machineFile.qemuLog))
  return tail || 'it was killed or crashed'
}

async function readLogTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim().slice(-1000)
}

function translateEvent({ event, data }: QmpEvent): MachineEvent | undefined {
  switch (event) {
    case 'SHUTDOWN':
      return data['guest'] === true && data['reason'] !== 'guest-reset' ? { kind: 'guest-shutdown' } : undefined
    case 'RESET':
      return { kind: 'reset' }
    case 'RESUME':
      return { kind: 'resumed' }
    case 'GUEST_PANICKED':
      return { kind: 'guest-panicked' }
    case 'BLOCK_IO_ERROR':
      if (data['action'] !== 'stop') return undefined
      return {
        kind: 'paused-by-io-error',
        driveId: readText(data['node-name']) ?? readText(data['device']) ?? '',
        reason: readText(data['reason']) ?? 'unknown',
        isNoSpace: data['nospace'] === true,
      }
    default:
      return undefined
  }
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function createMachine(parts: {
  name: string
  directory: string
  identity: ProcessIdentity
  qmp: QmpClient
  clock: Clock
  execMs?: number
}): Machine {
  const { name, directory, identity, qmp, clock } = parts
  return {
    name,
    pid: identity.pid,
    ...(parts.execMs === undefined ? {} : { execMs: parts.execMs }),
    powerDown: async () => {
      await qmp.execute('system_powerdown')
    },
    reset: async () => {
      await qmp.execute('system_reset')
    },
    kill: async () => {
      await signalProcess(identity, 'SIGKILL')
      while (await isProcessAlive(identity)) await clock.sleep(pollIntervalMs)
    },
    resume: async () => {
      await qmp.execute('cont')
    },
    queryState: async () => {
      try {
        const answer = (await qmp.execute('query-status', undefined, 2000)) as { status?: string }
        if (answer.status === 'running') return 'running'
        return answer.status === 'io-error' ? 'io-error' : 'paused'
      } catch {
        return 'unresponsive'
      }
    },
    screenDump: async () => {
      const path = join(directory, 'screen.ppm')
      await qmp.execute('screendump', { filename: path })
      const image = await readFile(path)
      await fsExtra.remove(path)
      return image
    },
    injectNmi: async () => {
      await qmp.execute('inject-nmi')
    },
    pingGuestAgent: (timeoutMs) => pingGuestAgent(join(directory, machineFile.agentSocket), timeoutMs),
  }
}
