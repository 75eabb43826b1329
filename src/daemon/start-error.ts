import { daemonExit } from '../api/daemon-program.ts'

/** A reason not to start that the user can mend; printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly exitCode: number

  constructor(message: string, exitCode: number = daemonExit.failed) {
    super(message)
    this.exitCode = exitCode
  }
}
