import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode, ExitRequest } from '../failure.ts'
import { resolveImage } from '../resolve/image.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, say, type Session } from '../session.ts'

const pollIntervalMs = 300

/** `kiln image …` */
export function defineImage(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List images')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('DescribeImages', {})
      await printListing(session, output, {
        answer,
        rows: answer.Images ?? [],
        empty: 'No images. Build one with: kiln image build nano',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'ID', value: (row) => row.ImageId },
          { title: 'STATE', value: (row) => row.State },
          { title: 'ARCHITECTURE', value: (row) => row.Architecture },
          { title: 'CREATED', value: (row) => row.CreationDate },
        ],
      })
    },
  )
  addOutputOption(command.command('recipes').description('List what can be built')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeRecipes', {})
      await printListing(session, output, {
        answer,
        rows: answer.Recipes,
        empty: 'No recipes.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'ARCHITECTURE', value: (row) => row.Architecture },
          { title: 'DESCRIPTION', value: (row) => row.Description },
        ],
      })
    },
  )
  command
    .command('build')
    .description('Build an image from a recipe')
    .argument('<recipe>')
    .option('--name <name>', "the recipe's when absent")
    .action(async (recipe: string, { name }: { name?: string }) => {
      const client = clientOf(session)
      const { TaskId } = await client.call('KilnBuildImage', { Recipe: recipe, ...(name ? { Name: name } : {}) })
      say(session, await followTask(session, client, TaskId))
    })
  command
    .command('rm')
    .description('Deregister images')
    .argument('<image...>', 'ids or names')
    .action(async (names: string[]) => {
      const client = clientOf(session)
      for (const name of names) {
        const { ImageId = '' } = await resolveImage(client, name)
        await client.call('DeregisterImage', { ImageId })
        say(session, ImageId)
      }
    })
}

/** Tells each stage of a task until it ends; resolves to the id of its image. Ctrl-C cancels the task. */
async function followTask(session: Session, client: KilnClient, taskId: string): Promise<string> {
  let told = ''
  for (;;) {
    const { Tasks } = await client.call('KilnDescribeTasks', { TaskIds: [taskId] })
    const task = Tasks[0]
    if (!task) throw new CliError('The daemon no longer knows the task.', { hint: 'See: kiln logs --daemon' })
    if (task.Stage !== told) note(session, (told = task.Stage))
    if (task.State === 'succeeded') return task.ImageId ?? ''
    if (task.State !== 'running') throw new CliError(task.Error?.Message ?? `The task was ${task.State}.`)
    await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
    if (session.signal.aborted) {
      await client.call('KilnCancelTask', { TaskId: taskId })
      note(session, 'Cancelled.')
      throw new ExitRequest(exitCode.interrupted)
    }
  }
}
