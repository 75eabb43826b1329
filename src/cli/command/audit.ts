import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AuditEntry } from '../../api/kiln-operations.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import {
  addOutputOption,
  clientOf,
  hasColor,
  integerBetween,
  type OutputFormat,
  printAnswer,
  type Session,
} from '../session.ts'
import { readSince } from '../since.ts'

interface AuditOptions {
  follow?: boolean
  operation?: string
  since?: Date
  tail?: number
  output: OutputFormat
}

const pageSize = 1000
/** What is shown before the new ones when nothing else was asked for, as by tail(1). */
const followTail = 10
const pollIntervalMs = 500

/** `kiln audit` */
export function defineAudit(command: Command, session: Session): void {
  addOutputOption(command)
    .option('-f, --follow', 'go on with what is called from now')
    .option('--operation <name>', 'only calls of that one, such as RunInstances')
    .option('--since <time>', 'from then: 10m, 2h, 3d, or an ISO 8601 time', readSince)
    .option('--tail <number>', 'only so many of the last', integerBetween(0, 50_000))
    .action(async (options: AuditOptions) => {
      const client = clientOf(session)
      const isWanted = ({ AccountId, Time }: AuditEntry) =>
        (session.account === undefined || session.account === AccountId) &&
        (!options.since || Date.parse(Time) >= options.since.getTime())
      const recorded = await readAfter(client, 0, options.operation)
      const tail = options.tail ?? (options.follow && !options.since ? followTail : recorded.length)
      const shown = tail === 0 ? [] : recorded.filter(isWanted).slice(-tail)
      for (const entry of shown) await printEntry(session, options.output, entry)
      let last = recorded.at(-1)?.Number ?? 0
      while (options.follow && !session.signal.aborted) {
        await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
        if (session.signal.aborted) return
        const fresh = await readAfter(client, last, options.operation)
        last = fresh.at(-1)?.Number ?? last
        for (const entry of fresh.filter(isWanted)) await printEntry(session, options.output, entry)
      }
    })
  addExamples(
    command,
    'kiln audit --since 1h',
    'kiln audit -f --operation TerminateInstances',
    "kiln audit -o json | jq -r 'select(.Error) | .Arn'   # one object a line",
  )
}

async function readAfter(client: KilnClient, after: number, operation: string | undefined): Promise<AuditEntry[]> {
  const all: AuditEntry[] = []
  for (;;) {
    const { Entries } = await client.call('KilnDescribeAuditLog', {
      AfterNumber: all.at(-1)?.Number ?? after,
      MaxResults: pageSize,
      ...(operation === undefined ? {} : { Operation: operation }),
    })
    all.push(...(Entries as AuditEntry[]))
    if (Entries.length < pageSize) return all
  }
}

/** One at a time in every format, so that following and listing look the same: JSON lines, YAML documents. */
async function printEntry(session: Session, format: OutputFormat, entry: AuditEntry): Promise<void> {
  if (format === 'json') {
    const line = JSON.stringify(entry)
    session.stdout.write(`${session.stdout.isTTY ? printable(line) : line}\n`)
  } else if (format === 'yaml') {
    session.stdout.write('---\n')
    await printAnswer(session, format, entry)
  } else session.stdout.write(`${describeEntry(session, entry)}\n`)
}

/** Time, outcome, operation, who from where, and what it was about. */
function describeEntry(session: Session, entry: AuditEntry): string {
  const time = new Date(entry.Time).toISOString().replace('T', ' ').slice(0, 19)
  const outcome = printable(entry.Error?.Code ?? 'ok')
  const shownOutcome = entry.Error && hasColor(session) ? paint(outcome, 'red') : outcome
  const key = entry.AccessKeyId ?? entry.Arn
  const place = [entry.SourceAddress ?? entry.Source, entry.SourceVpcId].filter((part) => part !== undefined)
  const about = entry.ResourceIds.length > 0 ? entry.ResourceIds.join(' ') : JSON.stringify(entry.Parameters)
  const rest = `${entry.Operation}  ${entry.Region}  ${key}  ${place.join(' in ')}  ${about}`
  return `${time}  ${shownOutcome}  ${printable(rest)}`
}
