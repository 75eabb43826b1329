import type { CommandError } from './process.ts'

/** ENOSPC and EDQUOT are the kernel's, SQLITE_FULL is what SQLite makes of them. */
const codes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL'])

/** Whether an error is a full disk, or a used up quota: of a file of ours, of the database, or of a program that we ran. */
export function isOutOfSpace(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (isCommandError(error)) return /No space left on device|quota exceeded/i.test(error.stderrTail)
  return 'code' in error && codes.has(error.code)
}

/** By its name: who only has errors to tell of, as the command line has, loads nothing that starts programs. */
function isCommandError(error: Error): error is CommandError {
  return error.name === 'CommandError' && 'stderrTail' in error
}
