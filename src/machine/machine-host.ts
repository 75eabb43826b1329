import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { findProcesses, identifyProcess, isProcessAlive, readBootId, signalProcess } from '../host/process-table.ts'
import { machineFile } from '../host/state-paths.ts'
import type { Machine, MachineEvent, MachineHost, PreparedMachine } from '../ec2/ports/machine.ts'
import type { MachineSpec } from '../ec2/ports/machine-spec.ts'
import { type Resumption, StateNotLoaded } from '../ec2/ports/machine-state.ts'
import { machineArgv } from './argv.ts'
import { createLiveMachine } from './live-machine.ts'
import type { QmpClient, QmpEvent } from './qmp.ts'
import { openQmpLink, type QmpLink } from './qmp-link.ts'
import { shapeOf, templateShapeOf } from './shape.ts'
import { loadState } from './saved-state.ts'
import { createTpmHost, machineOfTpm, readRecordedKeys } from './tpm.ts'
import { ensureUefiFlash, readUefiFlash } from './uefi-flash.ts'

export interface MachineHostDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly log: Logger
}

/** What process.json of a machine says: enough to find its process again, and to know that it is that very one. */
interface RecordedProcess extends ProcessIdentity {
  readonly bootId: string
}

/** QEMU under TCG on a host that is out of breath may take many seconds to its first QMP answer; only a hang takes longer. */
const startTimeoutMs = 120_000
/** A machine that was found alive is taken over whether or not it answers: it may be stopped, or its host out of breath. */
const adoptTimeoutMs = 2000
const endPollIntervalMs = 500
/** QEMU's arguments for a machine that is given its memory before it runs. */
const awaitingState = ['-incoming', 'defer', '-S']

export function createMachineHost(dependencies: MachineHostDependencies): MachineHost {
  const { processes, clock, log } = dependencies
  const tpms = createTpmHost({ processes, clock })

  async function prepare(spec: MachineSpec): Promise<PreparedMachine> {
    const { directory } = spec
    await ensurePrivateDirectory(directory)
    // Sockets of an earlier run would be taken for this one's.
    const stale = [machineFile.qmpSocket, machineFile.pid, machineFile.identity, machineFile.qemuLog]
    await Promise.all(stale.map(async (name) => await rm(join(directory, name), { force: true })))
    if (spec.firmware) await ensureUefiFlash(directory, spec.firmware)
    await writeFileAtomic(join(directory, machineFile.spec), JSON.stringify(spec, undefined, 2), { isDurable: false })
    return {
      start: async (commandPrefix, onEvent, resumption) => await start(spec, commandPrefix, onEvent, resumption),
    }
  }

  async function start(
    spec: MachineSpec,
    commandPrefix: readonly string[],
    onEvent: (event: MachineEvent) => void,
    resumption: Resumption | undefined,
  ): Promise<Machine> {
    if (!spec.hasTpm) return await startQemu(spec, commandPrefix, onEvent, resumption)
    const tpm = await tpms.start(spec.directory)
    try {
      return await startQemu(spec, commandPrefix, onEvent, resumption)
    } catch (error) {
      await signalProcess(tpm, 'SIGKILL')
      throw error
    }
  }

  async function startQemu(
    spec: MachineSpec,
    commandPrefix: readonly string[],
    onEvent: (event: MachineEvent) => void,
    resumption: Resumption | undefined,
  ): Promise<Machine> {
    const { directory } = spec
    const logPath = join(directory, machineFile.qemuLog)
    const [program, ...rest] = [...commandPrefix, ...machineArgv(spec), ...(resumption ? awaitingState : [])]
    const child = await processes.startDetached({ argv: [program ?? '', ...rest] }, logPath)
    const executedAt = clock.now()
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid)
    if (!identity) throw new Error(`QEMU ended at once: ${await readLogTail(logPath)}`)
    try {
      const recorded: RecordedProcess = { ...identity, bootId: await readBootId() }
      await writeFileAtomic(join(directory, machineFile.identity), JSON.stringify(recorded))
      const { machine, link } = attach(spec.name, directory, identity, onEvent, executedAt)
      if (!(await link.waitUntilOpen(startTimeoutMs))) throw new Error('it does not answer on its monitor')
      if (resumption) await goOn(spec, link, resumption)
      return machine
    } catch (error) {
      await signalProcess(identity, 'SIGKILL')
      if (error instanceof StateNotLoaded) throw error
      throw new Error(`QEMU did not start: ${(await readLogTail(logPath)) || String(error)}`, { cause: error })
    }
  }

  /** Lets a machine that waits for it go on where another one stood still. */
  async function goOn({ directory, template }: MachineSpec, link: QmpLink, resumption: Resumption): Promise<void> {
    const { file, saved, onLoaded, isHeld = false } = resumption
    try {
      await loadState({ monitor: link, clock }, join(directory, machineFile.stateSocket), file, saved, {
        leavesSharedMemory: template?.role === 'clone',
      })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const said = await readLogTail(join(directory, machineFile.qemuLog))
      throw new StateNotLoaded(said === '' ? why : `${why}. ${said}`, { cause: error })
    }
    await onLoaded?.()
    if (!isHeld) await link.execute('cont')
  }

  /** Watches a live process for its events and its end. */
  function attach(
    name: string,
    directory: string,
    identity: ProcessIdentity,
    onEvent: (event: MachineEvent) => void,
    executedAt?: Date,
  ): { machine: Machine; link: QmpLink } {
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
    const settle = async () => {
      for (let tries = 0; tries < 100 && (await isProcessAlive(identity)); tries++) await clock.sleep(10)
      if (!(await isProcessAlive(identity))) await end()
    }
    const watch = (work: Promise<void>) => {
      work.catch((error: unknown) => log.error({ machine: name, err: error }, 'machine is no longer watched'))
    }

    const link = openQmpLink({
      clock,
      path: join(directory, machineFile.qmpSocket),
      isAlive: () => isProcessAlive(identity),
      onEvent: onQmpEvent,
      onOpen: (session) => watch(reportPause(session, onEvent)),
      onClose: () => watch(settle()),
    })
    watch(waitForEnd())
    const machine = createLiveMachine({
      name,
      directory,
      identity,
      link,
      clock,
      ...(executedAt ? { executedAt } : {}),
    })
    return { machine, link }
  }

  return {
    prepare,
    shapeOf,
    templateShapeOf,
    adopt: async (directory, onEvent) => {
      const identity = await findIdentity(directory)
      const bootId = await readBootId()
      if (identity && identity.bootId === bootId && (await isProcessAlive(identity))) {
        const spec = JSON.parse(await readFile(join(directory, machineFile.spec), 'utf8')) as MachineSpec
        const { machine, link } = attach(spec.name, directory, identity, onEvent)
        await link.waitUntilOpen(adoptTimeoutMs)
        return machine
      }
      const isHostRebooted = identity !== undefined && identity.bootId !== bootId
      const isClean =
        !isHostRebooted && identity !== undefined && !(await fsExtra.pathExists(join(directory, machineFile.pid)))
      return { kind: 'gone', isClean, isHostRebooted }
    },
    // QEMU removes its pid file when it ends by itself, and cannot when it is killed or crashes.
    hasEndedUncleanly: (directory) => fsExtra.pathExists(join(directory, machineFile.pid)),
    readUefiVariables: readUefiFlash,
    readEndorsementKeys: readRecordedKeys,
    removeStrays: async (machinesDirectory, names) => {
      const strays = await findProcesses((argv) => {
        const name = machineNameOf(argv, machinesDirectory)
        return name !== undefined && !names.has(name)
      })
      for (const stray of strays) await signalProcess(stray, 'SIGKILL')
      await removeStrayTpms(machinesDirectory)
      return strays.map((stray) => machineNameOf(stray.argv, machinesDirectory) ?? '')
    },
  }
}

/** The recorded process, or the one whose arguments name the directory: a crash may have come before the record. */
async function findIdentity(directory: string): Promise<RecordedProcess | undefined> {
  const recorded = await readRecordedProcess(join(directory, machineFile.identity))
  if (recorded) return recorded
  const pidFile = join(directory, machineFile.pid)
  const [found] = await findProcesses((argv) => isQemu(argv) && argv.includes(pidFile))
  return found && { pid: found.pid, startTicks: found.startTicks, bootId: await readBootId() }
}

/** Undefined when the file is absent or unreadable: then the process is looked for. */
async function readRecordedProcess(path: string): Promise<RecordedProcess | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    const { pid, startTicks, bootId } = JSON.parse(text) as Partial<RecordedProcess>
    return pid === undefined || startTicks === undefined || bootId === undefined
      ? undefined
      : { pid, startTicks, bootId }
  } catch {
    return undefined
  }
}

/** A TPM ends with its QEMU; one that has none was made for a start that was broken off. */
async function removeStrayTpms(machinesDirectory: string): Promise<void> {
  const machines = await findProcesses((argv) => machineNameOf(argv, machinesDirectory) !== undefined)
  const names = new Set(machines.map(({ argv }) => machineNameOf(argv, machinesDirectory)))
  const strays = await findProcesses((argv) => {
    const name = machineOfTpm(argv, machinesDirectory)
    return name !== undefined && !names.has(name)
  })
  for (const stray of strays) await signalProcess(stray, 'SIGKILL')
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
      return data['guest'] === true ? { kind: 'guest-reset' } : undefined
    case 'RESUME':
      return { kind: 'resumed' }
    case 'GUEST_PANICKED':
      return { kind: 'guest-panicked' }
    case 'DEVICE_DELETED': {
      const deviceId = readText(data['device'])
      return deviceId === undefined ? undefined : { kind: 'device-removed', deviceId }
    }
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

/** Tells of an I/O error pause that came while nobody listened. */
async function reportPause(session: QmpClient, onEvent: (event: MachineEvent) => void): Promise<void> {
  try {
    const { status } = (await session.execute('query-status')) as { status?: string }
    if (status !== 'io-error') return
    const drives = (await session.execute('query-block')) as {
      inserted?: { 'node-name'?: string }
      'io-status'?: string
    }[]
    const failed = drives.find((drive) => drive['io-status'] !== undefined && drive['io-status'] !== 'ok')
    onEvent({
      kind: 'paused-by-io-error',
      driveId: failed?.inserted?.['node-name'] ?? '',
      reason: failed?.['io-status'] ?? 'unknown',
      isNoSpace: failed?.['io-status'] === 'nospace',
    })
  } catch (error) {
    // A session that ends at once tells nothing; the next one will.
    if (!(error instanceof Error)) throw error
  }
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
