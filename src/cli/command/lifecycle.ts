import type { Command } from 'commander'
import type { LifecycleRunDescription } from '../../api/kiln/lifecycle.ts'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, say, type Session } from '../session.ts'

type Step = LifecycleRunDescription['Steps'][number]

/** `kiln lifecycle …` */
export function defineLifecycle(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
  defineRun(command.command('run'), session)
  defineHistory(command.command('history'), session)
  for (const [name, operation, what] of [
    ['enable', 'KilnEnableLifecyclePolicy', 'Let the schedule of a policy change something, until its file changes'],
    ['disable', 'KilnDisableLifecyclePolicy', 'Let the schedule of a policy only tell what it would do'],
  ] as const) {
    command
      .command(name)
      .description(what)
      .argument('<policy>', 'the name of its file')
      .action(async (policy: string) => {
        await clientOf(session).call(operation, { Name: policy })
        say(session, policy)
      })
  }
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List the policies of lifecycle/ in the state directory')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeLifecyclePolicies', {})
      await printListing(session, output, {
        answer,
        rows: answer.Policies,
        empty: 'No policies. docs/guides/lifecycle.md says how to write one.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'STATE', value: (row) => row.State },
          { title: 'KIND', value: (row) => row.Kind },
          { title: 'REGION', value: (row) => row.Region },
          { title: 'SCHEDULE', value: (row) => [row.Cron, row.TimeZone].filter(Boolean).join(' ') || undefined },
          { title: 'NEXT RUN', value: (row) => row.NextRun?.slice(0, 16).replace('T', ' ') },
          { title: 'DESCRIPTION', value: (row) => row.Problem ?? row.Description },
        ],
      })
    },
  )
}

interface RunOptions {
  dryRun?: boolean
  output: OutputFormat
}

function defineRun(command: Command, session: Session): void {
  addOutputOption(
    command
      .description('Carry a policy out now')
      .argument('<policy>', 'the name of its file')
      .option('--dry-run', 'change nothing, tell what would be done'),
  ).action(async (name: string, { dryRun = false, output }: RunOptions) => {
    const answer = await clientOf(session).call('KilnRunLifecyclePolicy', { Name: name, IsDryRun: dryRun })
    const { Steps: steps } = answer.Run
    await printListing(session, output, { answer, rows: steps, empty: 'There is nothing to do.', columns: stepColumns })
    const failed = steps.filter(({ Error: error }) => error !== undefined)
    if (failed.length > 0) throw new CliError(`${failed.length} of ${steps.length} steps could not be done.`)
    if (dryRun && steps.length > 0) note(session, `Nothing was changed. To do it: kiln lifecycle run ${name}`)
  })
  addExamples(command, 'kiln lifecycle run nightly --dry-run', 'kiln lifecycle run nightly')
}

const stepColumns = [
  { title: 'ACTION', value: (row: Step) => row.Action },
  { title: 'RESOURCE', value: (row: Step) => row.ResourceId },
  { title: 'REGION', value: (row: Step) => row.Region },
  { title: 'MADE', value: (row: Step) => row.MadeId },
  { title: 'WHY', value: (row: Step) => row.Error ?? row.Reason },
]

function triggerOf({ Trigger: trigger, IsLate: isLate }: LifecycleRunDescription): string {
  if (trigger === 'call') return 'hand'
  return isLate ? 'schedule, late' : 'schedule'
}

function defineHistory(command: Command, session: Session): void {
  addOutputOption(
    command
      .description('Show what a policy has done, the newest run first')
      .argument('<policy>', 'the name of its file'),
  ).action(async (name: string, { output }: { output: OutputFormat }) => {
    const answer = await clientOf(session).call('KilnDescribeLifecycleRuns', { Name: name })
    const count = (run: LifecycleRunDescription, action: Step['Action']) =>
      String(run.Steps.filter(({ Action, Error: error }) => Action === action && error === undefined).length)
    await printListing(session, output, {
      answer,
      rows: answer.Runs,
      empty: 'It has never run.',
      columns: [
        { title: 'STARTED', value: (row) => row.StartedAt.slice(0, 19).replace('T', ' ') },
        { title: 'BY', value: triggerOf },
        { title: 'DRY RUN', value: (row) => (row.IsDryRun ? 'yes' : 'no') },
        { title: 'MADE', value: (row) => count(row, 'create') },
        { title: 'COPIED', value: (row) => count(row, 'copy') },
        { title: 'DELETED', value: (row) => count(row, 'delete') },
        { title: 'KEPT', value: (row) => count(row, 'keep') },
        { title: 'FAILED', value: (row) => String(row.Steps.filter(({ Error: error }) => error !== undefined).length) },
      ],
    })
  })
}
