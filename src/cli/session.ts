import { InvalidArgumentError, Option, type Command } from 'commander'
import type { StatePaths } from '../host/state-paths.ts'
import { createClient, type KilnClient } from './client.ts'
import { type Column, renderTable } from './render/table.ts'
import { printable } from './render/text.ts'

/** A stream that text is written to; a terminal tells its size. */
export interface TextStream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  /** `done` is called when the text has gone on its way. */
  write(text: string | Uint8Array, done?: () => void): unknown
}

/** What commands may touch; tests bring their own. */
export interface Session {
  readonly paths: StatePaths
  readonly environment: NodeJS.ProcessEnv
  readonly stdin: NodeJS.ReadStream
  readonly stdout: TextStream
  readonly stderr: TextStream
  /** `kiln` as argv, to be started again by ssh. */
  readonly self: readonly [string, ...string[]]
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Runs a program on the user's own terminal; resolves to its exit code. */
  runInForeground(argv: readonly [string, ...string[]]): Promise<number>
  /** `--region`, else AWS_REGION, else the daemon's. */
  region: string | undefined
  /** `--account`, else KILN_ACCOUNT, else the daemon's. */
  account?: string | undefined
  /** Set by `--no-color`. */
  isColorless?: boolean
}

export type OutputFormat = 'table' | 'json' | 'yaml'

/** The client for the session's socket, account and region. */
export function clientOf({ paths, account, region }: Session): KilnClient {
  return createClient({ socketPath: paths.socket, account, region })
}

const everyFormat: readonly OutputFormat[] = ['table', 'json', 'yaml']

/** Adds `--output`; the first of the formats is the default. */
export function addOutputOption(command: Command, formats: readonly OutputFormat[] = everyFormat): Command {
  return command.addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default(formats[0]))
}

/** Prints an answer as EC2 shapes it, or as a table of its rows. */
export async function printListing<Row>(
  session: Session,
  format: OutputFormat,
  listing: { answer: unknown; rows: readonly Row[]; columns: readonly Column<Row>[]; empty: string },
): Promise<void> {
  if (format !== 'table') return printAnswer(session, format, listing.answer)
  if (listing.rows.length === 0) return note(session, listing.empty)
  const width = session.stdout.isTTY ? session.stdout.columns : undefined
  session.stdout.write(renderTable(listing.rows, listing.columns, width))
}

/** Prints a value as JSON or YAML. */
export async function printAnswer(session: Session, format: 'json' | 'yaml', answer: unknown): Promise<void> {
  const text = format === 'json' ? `${JSON.stringify(answer, null, 2)}\n` : (await import('yaml')).stringify(answer)
  // JSON leaves C1 controls as they are, and some terminals obey them.
  session.stdout.write(session.stdout.isTTY ? text.split('\n').map(printable).join('\n') : text)
}

/** Whether results may have colours: on a terminal only, unless the environment says otherwise (no-color.org). */
export function hasColor({ isColorless, environment, stdout }: Session): boolean {
  if (isColorless || environment['NO_COLOR']) return false
  if (environment['FORCE_COLOR']) return environment['FORCE_COLOR'] !== '0'
  return stdout.isTTY === true && environment['TERM'] !== 'dumb'
}

/** Writes no faster than the reader of standard output reads: for what may be large. */
export async function writeOut({ stdout }: Session, chunk: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => void stdout.write(chunk, resolve))
}

/** Something for the user to read that is no result: goes to standard error. */
export function note(session: Session, text: string): void {
  session.stderr.write(`${printable(text)}\n`)
}

/** A line of result. */
export function say(session: Session, text: string): void {
  session.stdout.write(`${printable(text)}\n`)
}

/** Parser for options that take a whole number from `minimum` to `maximum`. */
export function integerBetween(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= minimum && number <= maximum) return number
    throw new InvalidArgumentError(`Expected a whole number from ${minimum} to ${maximum}.`)
  }
}

/** Parser for options that may be given several times. */
export function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}
