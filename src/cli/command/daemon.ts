import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { ensurePrivateDirectory } from '../../host/files.ts'
import { isProcessAlive, signalProcess } from '../../host/process-table.ts'
import type { ProcessIdentity } from '../../host/process.ts'
import { CliError, daemonNotRunning, exitCode, ExitRequest } from '../failure.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printAnswer, say, type Session } from '../session.ts'

const pollIntervalMs = 50
const startTimeoutMs = 60_000
const stopTimeoutMs = 120_000

/** `kiln daemon …` */
export function defineDaemon(command: Command, session: Session): void {
  command
    .command('start')
    .description('Start the daemon')
    .option('--foreground', 'stay attached, for a service manager')
    .action(async ({ foreground }: { foreground?: boolean }) => {
      if (foreground) throw new ExitRequest(await session.runInForeground(daemonArgv()))
      await start(session)
    })
  command
    .command('stop')
    .description('End the daemon; machines go on')
    .option('--machines', 'stop the machines too')
    .action(async ({ machines }: { machines?: boolean }) => stop(session, machines ?? false))
  addOutputOption(
    command.command('status').description('Tell how the daemon is; exit code 3 when it does not run'),
  ).action(async ({ output }: { output: OutputFormat }) => {
    const status = await clientOf(session).call('KilnGetStatus', {})
    if (output !== 'table') return printAnswer(session, output, status)
    say(session, `The daemon runs (pid ${status.Pid}), health ${status.Health}, endpoint ${status.EndpointUrl}`)
    for (const warning of status.Warnings) note(session, warning)
  })
}

/** The daemon beside this CLI: compiled, or from sources with the same loader. */
function daemonArgv(): [string, ...string[]] {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const main = fileURLToPath(new URL(`../../daemon/main.${extension}`, import.meta.url))
  return [process.execPath, ...process.execArgv, main]
}

async function start(session: Session): Promise<void> {
  const client = clientOf(session)
  if (await isHealthy(session)) {
    note(session, 'The daemon is already running.')
    return
  }
  await ensurePrivateDirectory(session.paths.root)
  const { createProcessHost } = await import('../../host/process.ts')
  const logBefore = (await readLog(session)).length
  const child = await createProcessHost().startDetached({ argv: daemonArgv() }, session.paths.log)
  const deadline = performance.now() + startTimeoutMs
  while (!(await isHealthy(session))) {
    if (hasEnded(child)) {
      const reason = lastError((await readLog(session)).subarray(logBefore).toString('utf8'))
      throw new CliError(`The daemon did not start: ${reason}`, { hint: `Its log is ${session.paths.log}` })
    }
    if (performance.now() > deadline) {
      throw new CliError('The daemon was started but does not answer yet.', { hint: `Its log is ${session.paths.log}` })
    }
    await sleep(pollIntervalMs, undefined, { signal: session.signal })
  }
  const status = await client.call('KilnGetStatus', {})
  say(session, `The daemon runs (pid ${status.Pid}), endpoint ${status.EndpointUrl}`)
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

/** The last error of a log: pino's JSON lines, or what Node itself printed. */
export function lastError(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  for (const line of lines.reverse()) {
    if (!line.startsWith('{')) {
      if (/error/i.test(line)) return line.trim()
      continue
    }
    const entry = parseLine(line)
    if (entry && Number(entry.level) >= 50) return entry.err?.message ?? entry.msg ?? line
  }
  return lines[0]?.trim() ?? 'it printed nothing.'
}

function parseLine(line: string): { level?: unknown; msg?: string; err?: { message?: string } } | undefined {
  try {
    return JSON.parse(line) as { level?: unknown; msg?: string; err?: { message?: string } }
  } catch {
    return undefined
  }
}

async function stop(session: Session, machines: boolean): Promise<void> {
  const identity = await readIdentity(session)
  if (!identity || !(await isProcessAlive(identity))) throw daemonNotRunning()
  try {
    await clientOf(session).shutdown({ machines })
  } catch (error) {
    if (machines) throw error
    await signalProcess(identity, 'SIGTERM')
  }
  const deadline = performance.now() + stopTimeoutMs
  while (await isProcessAlive(identity)) {
    if (performance.now() > deadline) {
      throw new CliError(`The daemon (pid ${identity.pid}) has not ended yet.`, { exitCode: exitCode.failed })
    }
    await sleep(pollIntervalMs, undefined, { signal: session.signal })
  }
  say(session, machines ? 'The daemon and its machines have ended.' : 'The daemon has ended; machines go on.')
}

async function readIdentity(session: Session): Promise<ProcessIdentity | undefined> {
  const text = await readFile(session.paths.daemonFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { pid, startTicks } = JSON.parse(text) as Partial<ProcessIdentity>
  return pid === undefined || startTicks === undefined ? undefined : { pid, startTicks }
}
