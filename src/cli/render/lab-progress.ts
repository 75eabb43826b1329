import type { ExecutionFollower, Outcome } from '../../manifest/apply/execute.ts'
import type { Operation } from '../../manifest/plan/plan.ts'
import { explainFailure } from '../failure.ts'
import type { Session } from '../session.ts'
import { printable } from './text.ts'

/** Shows operations as they go. */
export interface LabProgress extends ExecutionFollower {
  /** Resolves when everything that was told is on the screen. */
  finish(): Promise<void>
}

/** On a terminal a list that is redrawn, elsewhere a line for each event; both on standard error. */
export async function showLabProgress(session: Session, operations: readonly Operation[]): Promise<LabProgress> {
  // A terminal that does not tell its width cannot be drawn on.
  const isTerminal = session.stdout.isTTY === true && session.stderr.isTTY === true && (session.stderr.columns ?? 0) > 0
  return isTerminal ? await redrawList(session, operations) : printLines(session)
}

function printLines({ stderr }: Session): LabProgress {
  const told = new Map<string, string>()
  const write = (id: string, text: string) => stderr.write(`${printable(`${id}: ${text}`)}\n`)
  return {
    onStart: (id) => write(id, 'begun'),
    onProgress: (id, text) => {
      // Percentages and seconds would make a line of each step.
      const stage = text.replace(/,? \d+ %.*$/, '')
      if (told.get(id) === stage) return
      told.set(id, stage)
      write(id, stage)
    },
    onEnd: (id, outcome) => write(id, describeOutcome(outcome)),
    finish: async () => undefined,
  }
}

function describeOutcome(outcome: Outcome): string {
  if (outcome.state === 'done') return 'done'
  if (outcome.state === 'failed') return `FAILED: ${explainFailure(outcome.error).message}`
  return `not done (${outcome.because})`
}

/** One line of the list: listr2 runs it, the follower tells it what to do. */
interface Row {
  readonly begun: Promise<void>
  readonly ended: Promise<Outcome>
  begin(): void
  end(outcome: Outcome): void
  tell(text: string): void
}

function createRow(): Row {
  let begin: () => void = () => undefined
  let end: (outcome: Outcome) => void = () => undefined
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const ended = new Promise<Outcome>((resolve) => (end = resolve))
  return { begun, ended, begin, end, tell: () => undefined }
}

async function redrawList(session: Session, operations: readonly Operation[]): Promise<LabProgress> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2')
  const rows = new Map(operations.map(({ id }): [string, Row] => [id, createRow()]))
  const stderr = session.stderr as NodeJS.WriteStream
  const list = new Listr(
    [...rows].map(([id, row]) => ({
      title: `${printable(id)} (waits)`,
      task: async (_context, task) => {
        await Promise.race([row.begun, row.ended])
        task.title = printable(id)
        row.tell = (text) => (task.output = printable(text))
        const outcome = await row.ended
        if (outcome.state === 'failed') throw new Error(printable(explainFailure(outcome.error).message))
        if (outcome.state === 'skipped') task.skip(`${printable(id)}: ${printable(outcome.because)}`)
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      // Ctrl-C is ours: what is under way is finished.
      registerSignalListeners: false,
      rendererOptions: {
        logger: new ListrLogger({ useIcons: true, toStderr: [], processOutput: new ProcessOutput(stderr, stderr) }),
      },
    },
  )
  const shown = list.run()
  return {
    onStart: (id) => rows.get(id)?.begin(),
    onProgress: (id, text) => rows.get(id)?.tell(text),
    onEnd: (id, outcome) => rows.get(id)?.end(outcome),
    finish: async () => {
      await shown
    },
  }
}
