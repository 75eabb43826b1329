import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonExit, daemonFlag } from '../api/daemon-program.ts'
import { ensurePrivateDirectory } from '../host/files.ts'
import { ownProgram } from '../host/installation.ts'
import { isProcessAlive, signalProcess } from '../host/process-table.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { findStateDirectoryProblem } from '../host/state-directory.ts'
import { CliError, daemonNotRunning } from './failure.ts'
import { clientOf, note, type Session } from './session.ts'

const pollIntervalMs = 50
const startTimeoutMs = 60_000
const stopTimeoutMs = 120_000

/** A program of daemon/ beside this CLI as argv: compiled, or from sources with the same loader. */
export function siblingProgram(name: 'main' | 'doctor/main'): [string, ...string[]] {
  return [process.execPath, ...process.execArgv, ownProgram(`daemon/${name}`)]
}

/** Makes this very process the daemon; resolves when it is ready. */
export async function becomeDaemon(session: Session): Promise<void> {
  await refuseUnusableState(session)
  await import(ownProgram('daemon/main'))
}

/** Starts the daemon unless it runs; resolves when it answers. Whoever starts it at the same moment waits for the same one. */
export async function startDaemon(session: Session): Promise<{ wasRunning: boolean }> {
  if (await isHealthy(session)) return { wasRunning: true }
  await refuseUnusableState(session)
  await ensurePrivateDirectory(session.paths.root)
  const { createProcessHost } = await import('../host/process.ts')
  const logBefore = (await readLog(session)).length
  const child = await createProcessHost().startDetached({ argv: siblingProgram('main') }, session.paths.log)
  const deadline = performance.now() + startTimeoutMs
  while (!(await isHealthy(session))) {
    if (hasEnded(child) && child.exitCode !== daemonExit.alreadyRunning) {
      const reason = lastWords((await readLog(session)).subarray(logBefore).toString('utf8'))
      for (const line of reason) note(session, line)
      throw new CliError('The daemon did not start.', { hint: `Its log is ${session.paths.log}` })
    }
    if (performance.now() > deadline) {
      const what = hasEnded(child) ? 'Another daemon has this state directory' : 'The daemon was started'
      throw new CliError(`${what} but does not answer yet.`, { hint: `Its log is ${session.paths.log}` })
    }
    await sleep(pollIntervalMs, undefined, { signal: session.signal })
  }
  return { wasRunning: hasEnded(child) }
}

/** Throws when a daemon that is started now would not accept its configuration. */
export async function refuseWrongConfiguration(session: Session): Promise<void> {
  const { CommandError, createProcessHost } = await import('../host/process.ts')
  try {
    const [program, ...rest] = siblingProgram('main')
    await createProcessHost().run({ argv: [program, ...rest, daemonFlag.checkConfiguration] })
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    for (const line of lastWords(error.stderrTail)) note(session, line)
    throw new CliError('The configuration cannot be used: the daemon goes on with the one that it has.')
  }
}

async function refuseUnusableState(session: Session): Promise<void> {
  const problem = await findStateDirectoryProblem(session.paths.root)
  if (problem) throw new CliError(problem)
}

async function isHealthy(session: Session): Promise<boolean> {
  return clientOf(session)
    .health()
    .then(
      () => true,
      () => false,
    )
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function readLog(session: Session): Promise<Buffer> {
  return readFile(session.paths.log).catch(() => Buffer.alloc(0))
}

/** What a daemon that did not start said last: the lines from `kilnd: ` on. */
export function lastWords(log: string): string[] {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const start = lines.findLastIndex((line) => line.startsWith('kilnd: '))
  const words = start < 0 ? lines.slice(-1) : lines.slice(start)
  return words.length === 0 ? ['It printed nothing.'] : words
}

/** Ends the daemon and waits for its end. With `machines`, guests take the time that they need to power off. */
export async function stopDaemon(session: Session, machines: boolean): Promise<void> {
  const identity = await findDaemon(session)
  if (!identity) throw daemonNotRunning()
  try {
    await clientOf(session).shutdown({ machines })
  } catch (error) {
    if (machines) throw error
    await signalProcess(identity, 'SIGTERM')
  }
  const deadline = performance.now() + stopTimeoutMs
  while (await isProcessAlive(identity)) {
    if (!machines && performance.now() > deadline) {
      throw new CliError(`The daemon (pid ${identity.pid}) has not ended yet.`)
    }
    await sleep(pollIntervalMs, undefined, { signal: session.signal })
  }
}

/** The live daemon of the state directory. */
export async function findDaemon(session: Session): Promise<ProcessIdentity | undefined> {
  const text = await readFile(session.paths.daemonFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') throw new CliError('The daemon of this state directory belongs to another user.')
    return undefined
  })
  if (text === undefined) return undefined
  const { pid, startTicks } = JSON.parse(text) as Partial<ProcessIdentity>
  if (pid === undefined || startTicks === undefined) return undefined
  return (await isProcessAlive({ pid, startTicks })) ? { pid, startTicks } : undefined
}
