import type { Command } from 'commander'
import { printable } from './render/text.ts'
import { addOutputOption, integerBetween, type OutputFormat, printAnswer, type Session } from './session.ts'
import { readSince } from './since.ts'

/** What a journal of the daemon holds, numbered in the order in which it came about. */
export interface JournalEntry {
  readonly Number: number
  /** ISO 8601. */
  readonly Time: string
}

/** Something that the daemon writes down entry by entry, as a command shows it. */
export interface Journal<Entry extends JournalEntry> {
  readonly readPage: ReadPage<Entry>
  /** What comes after that number, until the session's signal is aborted. */
  follow(after: number): AsyncIterable<Entry>
  /** Whether an entry that was read is among those that were asked for. */
  isWanted(entry: Entry): boolean
  /** An entry as text after its time, safe for a terminal. */
  render(entry: Entry): string
}

/** The entries after a number, at most so many; fewer are the last ones. */
export type ReadPage<Entry> = (after: number, size: number) => Promise<readonly Entry[]>

/** What the user says of a journal. */
export interface JournalOptions {
  follow?: boolean
  since?: Date
  tail?: number
  output: OutputFormat
}

const pageSize = 1000
/** What is shown before the new ones when nothing else was asked for, as by tail(1). */
const followTail = 10

/** Adds `--output`, `--follow`, `--since` and `--tail`. `whatComes` is what following shows. */
export function addJournalOptions(
  command: Command,
  { whatComes, maximumTail }: { whatComes: string; maximumTail: number },
): Command {
  return addOutputOption(command)
    .option('-f, --follow', `go on with ${whatComes} from now`)
    .option('--since <time>', 'from then: 10m, 2h, 3d, or an ISO 8601 time', readSince)
    .option('--tail <number>', 'only so many of the last', integerBetween(0, maximumTail))
}

/** Prints what is recorded, then what comes when it is to be followed. */
export async function printJournal<Entry extends JournalEntry>(
  session: Session,
  journal: Journal<Entry>,
  { follow = false, since, tail, output }: JournalOptions,
): Promise<void> {
  const isShown = (entry: Entry) => (!since || Date.parse(entry.Time) >= since.getTime()) && journal.isWanted(entry)
  const recorded: Entry[] = []
  for await (const entry of readEntries(journal.readPage, 0)) recorded.push(entry)
  const count = tail ?? (follow && !since ? followTail : recorded.length)
  const shown = count === 0 ? [] : recorded.filter(isShown).slice(-count)
  for (const entry of shown) await printEntry(session, journal, output, entry)
  if (!follow) return
  for await (const entry of journal.follow(recorded.at(-1)?.Number ?? 0)) {
    if (isShown(entry)) await printEntry(session, journal, output, entry)
  }
}

/** All entries after a number, page by page. */
export async function* readEntries<Entry extends JournalEntry>(
  readPage: ReadPage<Entry>,
  after: number,
): AsyncGenerator<Entry> {
  for (let last = after; ; ) {
    const page = await readPage(last, pageSize)
    yield* page
    last = page.at(-1)?.Number ?? last
    if (page.length < pageSize) return
  }
}

/** One at a time in every format, so that following and listing look the same: JSON lines, YAML documents. */
async function printEntry<Entry extends JournalEntry>(
  session: Session,
  journal: Journal<Entry>,
  format: OutputFormat,
  entry: Entry,
): Promise<void> {
  if (format === 'json') {
    const line = JSON.stringify(entry)
    session.stdout.write(`${session.stdout.isTTY ? printable(line) : line}\n`)
  } else if (format === 'yaml') {
    session.stdout.write('---\n')
    await printAnswer(session, format, entry)
  } else {
    const time = new Date(entry.Time).toISOString().replace('T', ' ').slice(0, 19)
    session.stdout.write(`${time}  ${journal.render(entry)}\n`)
  }
}
