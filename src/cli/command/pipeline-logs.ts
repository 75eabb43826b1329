import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { findTail, followFile } from '../../host/follow-file.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { createTerminalFilter } from '../render/terminal-filter.ts'
import { clientOf, integerBetween, type Session, writeOut } from '../session.ts'

const pollMs = 500

/** `kiln pipeline logs` */
export function defineLogs(command: Command, session: Session): void {
  command
    .description('Show what a build has told; the last one of the pipeline when no number is given')
    .argument('<pipeline>', 'name')
    .argument('[number]', 'of the build', integerBetween(1, 1_000_000_000))
    .option('-f, --follow', 'go on with what it tells until it ends')
    .option('-n, --tail <lines>', 'only so many of the last lines', integerBetween(0, 1_000_000))
    .action(async (name: string, number: number | undefined, options: { follow?: boolean; tail?: number }) => {
      const client = clientOf(session)
      const build = await findBuild(client, name, number)
      const until = options.follow ? whenEnded(client, build.BuildId, session.signal) : undefined
      const from = options.tail === undefined ? 0 : await findTail(build.LogPath, options.tail)
      // Steps print what they like: on a terminal without the escape sequences, which would be orders to it.
      const filter = session.stdout.isTTY ? createTerminalFilter() : undefined
      for await (const chunk of followFile(build.LogPath, { from, until })) {
        await writeOut(session, filter ? filter(chunk) : chunk)
      }
    })
  addExamples(command, 'kiln pipeline logs nano-web --follow', 'kiln pipeline logs nano-web 3 --tail 20')
}

async function findBuild(client: KilnClient, name: string, number: number | undefined) {
  const { Builds: builds } = await client.call('KilnDescribePipelineBuilds', { PipelineName: name })
  const build = number === undefined ? builds[0] : builds.find((one) => one.Number === number)
  if (build) return build
  // What prepares an image has builds, and no file. A name that means nothing is told with what there is.
  if (builds.length === 0) await client.call('KilnDescribePipelines', { Names: [name] })
  throw new CliError(number === undefined ? `${name} has not been built yet.` : `${name} has no build ${number}.`, {
    exitCode: exitCode.notFound,
    hint: `See: kiln pipeline history ${name}`,
  })
}

/** Aborted when the build's task has ended: the log is whole then. */
function whenEnded(client: KilnClient, buildId: string, leaving: AbortSignal): AbortSignal {
  const ended = new AbortController()
  const watch = async () => {
    while (!leaving.aborted) {
      const { Tasks: tasks } = await client.call('KilnDescribeTasks', { TaskIds: [buildId] })
      if (tasks[0]?.State !== 'running') break
      await sleep(pollMs, undefined, { signal: leaving }).catch(() => undefined)
    }
  }
  void watch()
    .catch(() => undefined)
    .finally(() => ended.abort())
  return ended.signal
}
