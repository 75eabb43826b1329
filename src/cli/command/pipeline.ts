import type { Command } from 'commander'
import type { PipelineDescription } from '../../api/kiln/pipeline.ts'
import { renderAge } from '../render/duration.ts'
import { renderSections, type Section } from '../render/sections.ts'
import {
  addOutputOption,
  clientOf,
  integerBetween,
  note,
  type OutputFormat,
  printAnswer,
  printListing,
} from '../session.ts'
import { say, type Session } from '../session.ts'
import { systemClock } from '../../host/clock.ts'
import { CliError } from '../failure.ts'
import { defineBuild } from './pipeline-build.ts'
import { defineLogs } from './pipeline-logs.ts'

/** `kiln pipeline …` */
export function definePipeline(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
  defineShow(command.command('show'), session)
  defineBuild(command.command('build'), session)
  defineCancel(command.command('cancel'), session)
  defineLogs(command.command('logs'), session)
  defineHistory(command.command('history'), session)
  for (const verb of ['enable', 'disable'] as const) {
    const operation = verb === 'enable' ? 'KilnEnablePipeline' : 'KilnDisablePipeline'
    const what =
      verb === 'enable' ? 'Follow the schedules of pipelines again' : 'Do not follow the schedules of pipelines'
    command
      .command(verb)
      .description(what)
      .argument('<pipeline...>', 'names')
      .action(async (names: string[]) => {
        for (const Name of names) {
          await clientOf(session).call(operation, { Name })
          say(session, Name)
        }
      })
  }
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List pipelines')).action(async ({ output }: { output: OutputFormat }) => {
    const answer = await clientOf(session).call('KilnDescribePipelines', {})
    const now = systemClock.now()
    await printListing(session, output, {
      answer,
      rows: answer.Pipelines,
      empty: `No pipelines. Write one to ${session.paths.images}/pipelines/NAME.yaml`,
      columns: [
        { title: 'NAME', value: (row) => row.Name },
        { title: 'BASE', value: (row) => row.Base },
        { title: 'SCHEDULE', value: scheduleOf },
        { title: 'NEXT RUN', value: (row) => row.NextRun?.slice(0, 16).replace('T', ' ') },
        { title: 'LAST BUILD', value: (row) => row.LastBuild && `${row.LastBuild.Number} ${row.LastBuild.State}` },
        { title: 'AGE', value: (row) => renderAge(row.LastBuild?.StartedAt, now) },
        {
          title: 'DESCRIPTION',
          value: (row) => (row.Problem === undefined ? row.Description || undefined : 'cannot be used'),
        },
      ],
    })
    if (output !== 'table') return
    for (const { Problem: problem = '' } of answer.Pipelines) {
      for (const line of problem.split('\n').filter(Boolean)) note(session, line)
    }
  })
}

function scheduleOf({ Schedule: schedule, IsEnabled: isEnabled }: PipelineDescription): string | undefined {
  if (!schedule) return undefined
  return isEnabled ? [schedule.Cron, schedule.TimeZone].filter(Boolean).join(' ') : 'disabled'
}

function defineShow(command: Command, session: Session): void {
  addOutputOption(command.description('Show what a pipeline does'))
    .argument('<pipeline>', 'name')
    .action(async (name: string, { output }: { output: OutputFormat }) => {
      const { Pipelines: found } = await clientOf(session).call('KilnDescribePipelines', { Names: [name] })
      const [pipeline] = found
      if (!pipeline) throw new CliError(`There is no pipeline ${name}.`)
      if (output !== 'table') return await printAnswer(session, output, pipeline)
      if (pipeline.Problem !== undefined) throw new CliError(pipeline.Problem)
      session.stdout.write(renderSections(describe(pipeline)))
    })
}

function describe(pipeline: PipelineDescription): Section[] {
  const list = (items: readonly string[] | undefined) => (items?.length ? items.join(', ') : undefined)
  const parameters = pipeline.Parameters?.map(
    ({ Name, IsSecret, HasValue }) => `${Name}${IsSecret ? ' (secret)' : ''}${HasValue ? '' : ' (to be given)'}`,
  )
  const shared = pipeline.IsPublic ? 'everyone' : list(pipeline.AccountIds)
  const rows: [string, string | undefined][] = [
    ['Name', pipeline.Name],
    ['Description', pipeline.Description || undefined],
    ['Source', pipeline.Source],
    ['Base', pipeline.Base],
    ['Instance type', pipeline.InstanceType],
    ['Components', list(pipeline.Components)],
    ['Parameters', list(parameters)],
    ['Image', pipeline.ImageName],
    ['Regions', list(pipeline.Regions)],
    ['Shared with', shared],
    ['Registries', list(pipeline.Registries)],
    ['Kept images', pipeline.KeptImages === undefined ? 'all' : `the last ${pipeline.KeptImages}`],
    ['Schedule', scheduleOf(pipeline)],
    ['Next run', pipeline.NextRun],
    ['Last build', pipeline.LastBuild && `${pipeline.LastBuild.Number} ${pipeline.LastBuild.State}`],
  ]
  const numbered = (titles: readonly string[] = []) =>
    titles.map((title, index): [string, string] => [String(index + 1), title])
  return [
    { rows },
    { title: 'Steps', rows: numbered(pipeline.Steps) },
    { title: 'Tests', rows: numbered(pipeline.Tests) },
  ]
}

function defineCancel(command: Command, session: Session): void {
  command
    .description('End the running build of a pipeline; nothing is left of it')
    .argument('<pipeline>', 'name')
    .action(async (name: string) => {
      const client = clientOf(session)
      const { Builds: builds } = await client.call('KilnDescribePipelineBuilds', { PipelineName: name })
      const running = builds.find(({ State }) => State === 'running')
      if (!running) throw new CliError(`No build of ${name} is running.`)
      await client.call('KilnCancelTask', { TaskId: running.BuildId })
      say(session, `Build ${running.Number} of ${name} is cancelled.`)
    })
}

function defineHistory(command: Command, session: Session): void {
  addOutputOption(command.description('List the builds of a pipeline, or of all, the newest first'))
    .argument('[pipeline]', 'name')
    .option('-n, --tail <number>', 'only so many', integerBetween(1, 1000), 20)
    .action(async (name: string | undefined, { tail, output }: { tail: number; output: OutputFormat }) => {
      const client = clientOf(session)
      if (name !== undefined) await client.call('KilnDescribePipelines', { Names: [name] })
      const answer = await client.call('KilnDescribePipelineBuilds', {
        ...(name === undefined ? {} : { PipelineName: name }),
        MaxResults: tail,
      })
      await printListing(session, output, {
        answer,
        rows: answer.Builds,
        empty: 'No builds.',
        columns: [
          { title: 'PIPELINE', value: (row) => row.PipelineName },
          { title: 'BUILD', value: (row) => String(row.Number) },
          { title: 'STATE', value: (row) => (row.State === 'running' ? row.Stage : row.State) },
          { title: 'CAUSE', value: (row) => row.Cause },
          { title: 'STARTED', value: (row) => row.StartedAt.slice(0, 19).replace('T', ' ') },
          { title: 'TOOK', value: (row) => row.EndedAt && renderAge(row.StartedAt, new Date(row.EndedAt)) },
          { title: 'IMAGE', value: (row) => row.ImageId },
          { title: 'ERROR', value: (row) => row.Error?.Message },
        ],
      })
    })
}
