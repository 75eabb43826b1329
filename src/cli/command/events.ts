import type { Command } from 'commander'
import type { EventDescription } from '../../api/kiln/event.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { addJournalOptions, type JournalOptions, printJournal } from '../journal.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { clientOf, hasColor, type Session } from '../session.ts'

/** `kiln events` */
export function defineEvents(command: Command, session: Session): void {
  addJournalOptions(command, { whatComes: 'what happens', maximumTail: 10_000 })
    .argument('[instance...]', 'ids or names; everything that happens when absent')
    .action(async (names: string[], options: JournalOptions) => {
      const client = clientOf(session)
      const ids = new Set(await resolveInstanceIds(client, names))
      const journal = {
        readPage: async (after: number, size: number) =>
          (await client.call('KilnDescribeEvents', { AfterEventNumber: after, MaxResults: size })).Events,
        follow: (after: number) => followEvents(client, after, session.signal),
        isWanted: ({ ResourceId }: EventDescription) => ids.size === 0 || ids.has(ResourceId),
        render: (event: EventDescription) => describeEvent(session, event),
      }
      await printJournal(session, journal, options)
    })
  addExamples(
    command,
    'kiln events --since 1h',
    'kiln events web --follow',
    'kiln events -f -o json | jq -r .Message   # one object a line',
  )
}

async function* followEvents(client: KilnClient, after: number, signal: AbortSignal): AsyncGenerator<EventDescription> {
  yield* client.events(after, signal)
  if (!signal.aborted) throw new CliError('The daemon has ended.', { exitCode: exitCode.notRunning })
}

/** Kind, resource and message. */
function describeEvent(session: Session, event: EventDescription): string {
  const kind = printable(event.Kind.padEnd(21))
  const isProblem = event.Kind.endsWith('-problem')
  return `${isProblem && hasColor(session) ? paint(kind, 'red') : kind}  ${printable(`${event.ResourceId}  ${event.Message}`)}`
}
