import { OperationError } from '../api/contract.ts'

/** What the shell sees; docs/reference/cli.md has the same table. `ssh` and `cp` pass on the code of the program they run. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  notFound: 4,
  ambiguous: 5,
  /** `kiln plan --detailed-exitcode`: something would change. */
  changes: 6,
  interrupted: 130,
} as const

/** A failure told to the user in one sentence, with what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  readonly hint: string | undefined

  constructor(message: string, options: { exitCode?: number; hint?: string } = {}) {
    super(message)
    this.exitCode = options.exitCode ?? exitCode.failed
    this.hint = options.hint
  }
}

/** Ends the command with the exit code of a program that has already said what there was to say. */
export class ExitRequest extends Error {
  override readonly name = 'ExitRequest'
  readonly exitCode: number

  constructor(code: number) {
    super(`exit ${code}`)
    this.exitCode = code
  }
}

/** No daemon listens on the socket of this state directory. */
export function daemonNotRunning(): CliError {
  return new CliError('The Kiln daemon is not running.', {
    exitCode: exitCode.notRunning,
    hint: 'Start it with: kiln daemon start',
  })
}

/** The sentence, the hint and the exit code for whatever a command threw. */
export function explainFailure(error: unknown): { message: string; hint?: string; exitCode: number } {
  if (error instanceof CliError) {
    return { message: error.message, ...(error.hint ? { hint: error.hint } : {}), exitCode: error.exitCode }
  }
  if (error instanceof OperationError) {
    const isMissing = error.code.endsWith('.NotFound') || error.code === 'NoSuchEntity'
    const hint = error.code === 'InternalError' ? 'The cause is in the daemon log: kiln logs --daemon' : undefined
    return {
      message: `${error.message} (${error.code})`,
      ...(hint ? { hint } : {}),
      exitCode: isMissing ? exitCode.notFound : exitCode.failed,
    }
  }
  return { message: error instanceof Error ? error.message : String(error), exitCode: exitCode.failed }
}
