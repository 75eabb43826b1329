import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AuditEntry } from '../../api/kiln/audit.ts'
import { addExamples } from '../help.ts'
import { addJournalOptions, type JournalOptions, printJournal, readEntries, type ReadPage } from '../journal.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import { clientOf, hasColor, type Session } from '../session.ts'

interface AuditOptions extends JournalOptions {
  operation?: string
}

const pollIntervalMs = 500

/** `kiln audit` */
export function defineAudit(command: Command, session: Session): void {
  addJournalOptions(command, { whatComes: 'what is called', maximumTail: 50_000 })
    .option('--operation <name>', 'only calls of that one, such as RunInstances')
    .action(async (options: AuditOptions) => {
      const client = clientOf(session)
      const wanted = options.operation === undefined ? {} : { Operation: options.operation }
      const readPage = async (after: number, size: number) => {
        const request = { AfterNumber: after, MaxResults: size, ...wanted }
        return (await client.call('KilnDescribeAuditLog', request)).Entries
      }
      const journal = {
        readPage,
        follow: (after: number) => pollEntries(readPage, after, session.signal),
        isWanted: ({ AccountId }: AuditEntry) => session.account === undefined || session.account === AccountId,
        render: (entry: AuditEntry) => describeEntry(session, entry),
      }
      await printJournal(session, journal, options)
    })
  addExamples(
    command,
    'kiln audit --since 1h',
    'kiln audit -f --operation TerminateInstances',
    "kiln audit -o json | jq -r 'select(.Error) | .Arn'   # one object a line",
  )
}

/** The daemon has no stream of its audit log: it is asked again and again. */
async function* pollEntries(
  readPage: ReadPage<AuditEntry>,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<AuditEntry> {
  for (let last = after; ; ) {
    await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    for await (const entry of readEntries(readPage, last)) {
      last = entry.Number
      yield entry
    }
  }
}

/** Outcome, operation, who from where, and what it was about. */
function describeEntry(session: Session, entry: AuditEntry): string {
  const outcome = printable(entry.Error?.Code ?? 'ok')
  const shownOutcome = entry.Error && hasColor(session) ? paint(outcome, 'red') : outcome
  const key = entry.AccessKeyId ?? entry.Arn
  const place = [entry.SourceAddress ?? entry.Source, entry.SourceVpcId].filter((part) => part !== undefined)
  const about = entry.ResourceIds.length > 0 ? entry.ResourceIds.join(' ') : JSON.stringify(entry.Parameters)
  return `${shownOutcome}  ${printable(`${entry.Operation}  ${entry.Region}  ${key}  ${place.join(' in ')}  ${about}`)}`
}
