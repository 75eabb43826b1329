import type { Command } from 'commander'
import type { EventDescription } from '../../api/kiln-operations.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { readSince } from '../since.ts'
import { addOutputOption, clientOf, hasColor, integerBetween, type OutputFormat, printAnswer } from '../session.ts'
import type { Session } from '../session.ts'

interface EventsOptions {
  follow?: boolean
  since?: Date
  tail?: number
  output: OutputFormat
}

const pageSize = 1000
/** What is shown before the new ones when nothing else was asked for, as by tail(1). */
const followTail = 10

/** `kiln events` */
export function defineEvents(command: Command, session: Session): void {
  addOutputOption(command)
    .argument('[instance...]', 'ids or names; everything that happens when absent')
    .option('-f, --follow', 'go on with what happens from now')
    .option('--since <time>', 'from then: 10m, 2h, 3d, or an ISO 8601 time', readSince)
    .option('--tail <number>', 'only so many of the last', integerBetween(0, 10_000))
    .action(async (names: string[], options: EventsOptions) => {
      const client = clientOf(session)
      const ids = new Set(await resolveInstanceIds(client, names))
      const isWanted = ({ ResourceId, Time }: EventDescription) =>
        (ids.size === 0 || ids.has(ResourceId)) && (!options.since || Date.parse(Time) >= options.since.getTime())
      const recorded = await readRecorded(client)
      const tail = options.tail ?? (options.follow && !options.since ? followTail : recorded.length)
      const shown = tail === 0 ? [] : recorded.filter(isWanted).slice(-tail)
      for (const event of shown) await printEvent(session, options.output, event)
      if (!options.follow) return
      for await (const event of client.events(recorded.at(-1)?.Number ?? 0, session.signal)) {
        if (isWanted(event)) await printEvent(session, options.output, event)
      }
      if (session.signal.aborted) return
      throw new CliError('The daemon has ended.', { exitCode: exitCode.notRunning })
    })
  addExamples(
    command,
    'kiln events --since 1h',
    'kiln events web --follow',
    'kiln events -f -o json | jq -r .Message   # one object a line',
  )
}

async function readRecorded(client: KilnClient): Promise<EventDescription[]> {
  const all: EventDescription[] = []
  for (;;) {
    const { Events } = await client.call('KilnDescribeEvents', {
      AfterEventNumber: all.at(-1)?.Number ?? 0,
      MaxResults: pageSize,
    })
    all.push(...Events)
    if (Events.length < pageSize) return all
  }
}

/** One at a time in every format, so that following and listing look the same: JSON lines, YAML documents. */
async function printEvent(session: Session, format: OutputFormat, event: EventDescription): Promise<void> {
  if (format === 'json') {
    const line = JSON.stringify(event)
    session.stdout.write(`${session.stdout.isTTY ? printable(line) : line}\n`)
  } else if (format === 'yaml') {
    session.stdout.write('---\n')
    await printAnswer(session, format, event)
  } else {
    const time = new Date(event.Time).toISOString().replace('T', ' ').slice(0, 19)
    const kind = event.Kind.padEnd(21)
    const isProblem = event.Kind.endsWith('-problem')
    const shownKind = isProblem && hasColor(session) ? paint(printable(kind), 'red') : printable(kind)
    session.stdout.write(`${time}  ${shownKind}  ${printable(`${event.ResourceId}  ${event.Message}`)}\n`)
  }
}
