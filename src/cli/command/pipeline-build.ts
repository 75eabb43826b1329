import type { Command } from 'commander'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { readInput } from '../input.ts'
import { clientOf, collect, note, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'

interface BuildOptions {
  force?: boolean
  set?: string[]
  setFile?: string[]
  detach?: boolean
}

/** `kiln pipeline build` */
export function defineBuild(command: Command, session: Session): void {
  command
    .description('Build an image by a pipeline, if its base or a component has changed')
    .argument('<pipeline>', 'name')
    .option('--force', 'build even when nothing has changed')
    .option('--set <name=value>', 'value of a parameter; repeatable', collect)
    .option('--set-file <name=file>', 'the same from a file, for secrets; - for standard input', collect)
    .option('-d, --detach', 'return at once; see: kiln pipeline logs --follow')
    .action(async (name: string, options: BuildOptions) => {
      const client = clientOf(session)
      const answer = await client.call('KilnBuildPipeline', {
        Name: name,
        ...(options.force ? { IsForced: true } : {}),
        Parameters: await readParameters(session, options),
      })
      const { TaskId: taskId, BuildNumber: number } = answer
      if (taskId === undefined) {
        say(session, answer.ImageId ?? '')
        return note(session, `Nothing has changed since build ${number}. To build all the same: --force`)
      }
      if (options.detach) {
        say(session, taskId)
        return note(session, `Build ${number} of ${name} has begun. Follow it: kiln pipeline logs ${name} --follow`)
      }
      const whenCancelled = `Build ${number} of ${name} was cancelled: nothing is left of it.`
      const { ImageId: imageId = '' } = await followTask(session, client, taskId, whenCancelled)
      say(session, imageId)
    })
  addExamples(
    command,
    'kiln pipeline build nano-web',
    'kiln pipeline build nano-web --force --set GREETING=hello',
    'kiln pipeline build app --set-file TOKEN=token.txt --detach',
  )
}

async function readParameters(
  session: Session,
  { set = [], setFile = [] }: BuildOptions,
): Promise<{ Name: string; Value: string }[]> {
  const given = set.map(parseAssignment)
  for (const { Name, Value: file } of setFile.map(parseAssignment)) {
    given.push({ Name, Value: (await readInput(session, file)).toString('utf8').replace(/\r?\n$/, '') })
  }
  return given
}

function parseAssignment(text: string): { Name: string; Value: string } {
  const end = text.indexOf('=')
  if (end < 1) throw new CliError(`A parameter is NAME=VALUE, not ${text}.`, { exitCode: exitCode.usage })
  return { Name: text.slice(0, end), Value: text.slice(end + 1) }
}
