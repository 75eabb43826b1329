import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createWriteStream, openSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { execa, ExecaError } from 'execa'

/** A program as a value: what is to be run, decided before anything runs. Never a shell. */
export interface Command {
  readonly argv: readonly [string, ...string[]]
  /** Text or bytes for its standard input; none when absent. */
  readonly input?: string | Uint8Array
  /** File that a detached program has as its standard input; none when absent. Others are given `input`. */
  readonly inputPath?: string
  /** Added to the daemon's own environment. */
  readonly environment?: Readonly<Record<string, string>>
  readonly directory?: string
  /** File that standard output goes to, made or emptied; `stdout` of the result is empty then. */
  readonly outputPath?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Called with each line of standard output and standard error as it is written; not for output that goes to `outputPath`. */
  readonly onLine?: (line: string) => void
}

/** What a finished command printed. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/** A command that could not be started, failed, was ended by a signal, or ran out of time or output. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly argv: readonly string[]
  readonly exitCode: number | undefined
  readonly endedBy: string | undefined
  readonly stderrTail: string

  constructor(
    argv: readonly string[],
    outcome: { exitCode?: number | undefined; endedBy?: string | undefined; stderrTail: string },
  ) {
    const how = outcome.endedBy
      ? `was ended by ${outcome.endedBy}`
      : `failed with exit code ${outcome.exitCode ?? 'none'}`
    super(`${argv[0]} ${how}: ${outcome.stderrTail || 'it printed nothing'}`)
    this.argv = argv
    this.exitCode = outcome.exitCode
    this.endedBy = outcome.endedBy
    this.stderrTail = outcome.stderrTail
  }
}

/** A process that outlives the daemon, told apart from a later process with the same pid by its start time. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTicks: number
}

/** The one place that starts programs; tests replace it by a recorder. */
export interface ProcessHost {
  /** Runs to the end. Rejects with CommandError. */
  run(command: Command): Promise<CommandResult>
  /**
   * Starts a program in a session of its own that goes on when the daemon ends. Its output is appended to `logPath`.
   * Resolves as soon as it was executed; rejects with CommandError when it could not be.
   */
  startDetached(command: Command, logPath: string): Promise<ChildProcess>
  /** Starts a helper with an IPC channel; it must end by itself when the channel closes. */
  startHelper(command: Command): ChildProcess
}

const maximumOutputBytes = 64 * 1024 * 1024
/** How much of what a program said last is kept of it, in characters. */
export const stderrTailLength = 2000

/** The variable that marks what must not outlive its daemon. */
export const markVariable = 'KILN_RUN_FOR'

/**
 * Runs real processes. With a `mark`, whatever `run` starts, and whatever that starts, carries it in its environment: after a crash of
 * the daemon the next one finds by it what still works on files that nobody waits for (process-table.ts findMarkedProcesses).
 */
export function createProcessHost({ mark }: { mark?: string } = {}): ProcessHost {
  const marked = (command: Command) =>
    mark === undefined ? command : { ...command, environment: { ...command.environment, [markVariable]: mark } }
  return { run: (command) => run(marked(command)), startDetached, startHelper }
}

async function run(command: Command): Promise<CommandResult> {
  // The program gets the file itself, not a pipe that the daemon copies: its own limit on file sizes (prlimit) holds then.
  const output = command.outputPath ? createWriteStream(command.outputPath, { mode: 0o600 }) : undefined
  if (output) await once(output, 'open')
  try {
    return await runInto(command, output)
  } finally {
    output?.destroy()
  }
}

async function runInto(command: Command, output: Writable | undefined): Promise<CommandResult> {
  const [file, ...args] = command.argv
  const subprocess = execa(file, args, {
    ...(command.input === undefined ? { stdin: 'ignore' as const } : { input: command.input }),
    ...(command.environment ? { env: command.environment } : {}),
    ...(command.directory ? { cwd: command.directory } : {}),
    ...(output ? { stdout: output } : {}),
    ...(command.timeoutMs ? { timeout: command.timeoutMs } : {}),
    ...(command.signal ? { cancelSignal: command.signal } : {}),
    maxBuffer: maximumOutputBytes,
    forceKillAfterDelay: 2000,
  })
  const ends: (() => void)[] = []
  if (command.onLine) {
    const onLine = command.onLine
    for (const stream of [subprocess.stdout, subprocess.stderr]) if (stream) ends.push(followLines(stream, onLine))
  }
  try {
    const { stdout, stderr } = await subprocess
    return { stdout: stdout ?? '', stderr }
  } catch (error) {
    if (error instanceof ExecaError) throw commandErrorFrom(command.argv, error)
    throw error
  } finally {
    for (const end of ends) end()
  }
}

/** Tells each line as it comes; a carriage return ends one too, as progress displays use it. Call the result at the end. */
function followLines(stream: Readable, onLine: (line: string) => void): () => void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  stream.on('data', (chunk: Uint8Array | string) => {
    rest += typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))
    const lines = rest.split(/[\r\n]+/)
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
  })
  return () => {
    if (rest !== '') onLine(rest)
    rest = ''
  }
}

function commandErrorFrom(argv: readonly string[], error: ExecaError): CommandError {
  const stderr = typeof error.stderr === 'string' ? error.stderr : ''
  return new CommandError(argv, {
    exitCode: error.exitCode,
    endedBy: error.timedOut ? 'its time limit' : error.isCanceled ? 'cancellation' : error.signal,
    stderrTail: (stderr || error.originalMessage || '').slice(-stderrTailLength).trim(),
  })
}

async function startDetached(command: Command, logPath: string): Promise<ChildProcess> {
  const [file, ...args] = command.argv
  // Opened without a pause: the program is executed before anything else that waits for its turn.
  const log = openSync(logPath, 'a', 0o600)
  let input: number | undefined
  try {
    input = command.inputPath === undefined ? undefined : openSync(command.inputPath, 'r')
    const child = spawn(file, args, {
      detached: true,
      stdio: [input ?? 'ignore', log, log],
      env: { ...process.env, ...command.environment },
      ...(command.directory ? { cwd: command.directory } : {}),
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(new CommandError(command.argv, { stderrTail: error.message })))
    })
    child.unref()
    return child
  } finally {
    closeSync(log)
    if (input !== undefined) closeSync(input)
  }
}

function startHelper(command: Command): ChildProcess {
  const [file, ...args] = command.argv
  return spawn(file, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...command.environment },
  })
}
