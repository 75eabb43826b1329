import { CliError, exitCode } from './failure.ts'

/** The tag of a `--tag KEY=VALUE`. Throws CliError. */
export function readTagOption(text: string): { Key: string; Value: string } {
  const end = text.indexOf('=')
  if (end < 1) throw new CliError(`A tag is key=value, not ${text}.`, { exitCode: exitCode.usage })
  return { Key: text.slice(0, end), Value: text.slice(end + 1) }
}
