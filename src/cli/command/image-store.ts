import type { Command } from 'commander'
import type { TaskDescription } from '../../api/kiln/task.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { resolveImage } from '../resolve/image.ts'
import { clientOf, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'
import { tellResult } from './image-make.ts'

/** `kiln image store` */
export function defineStore(command: Command, session: Session): void {
  command
    .description('Keep an image, with all its disks and tags, as one object of a bucket: ID.bin')
    .argument('<image>', 'id or name')
    .argument('<bucket>', 'of the configuration')
    .action(async (name: string, bucket: string) => {
      const client = clientOf(session)
      const { ImageId: imageId = '' } = await resolveImage(client, name)
      const Bucket = bucket.replace(/^s3:\/\//i, '').replace(/\/$/, '')
      const { ObjectKey: key = '' } = await client.call('CreateStoreImageTask', { ImageId: imageId, Bucket })
      await follow(session, client, 'store-image', imageId, 'Cancelled: nothing was stored.')
      say(session, `s3://${Bucket}/${key}`)
    })
  addExamples(command, 'kiln image store web backups')
}

/** `kiln image restore` */
export function defineRestore(command: Command, session: Session): void {
  command
    .description('Make an image of what kiln image store has kept')
    .argument('<object>', 's3://BUCKET/KEY')
    .option('--name <name>', 'of the image; the stored one when absent')
    .action(async (place: string, { name }: { name?: string }) => {
      const [, Bucket = '', ObjectKey = ''] = /^s3:\/\/([^/]+)\/(.+)$/is.exec(place) ?? []
      if (ObjectKey === '') {
        throw new CliError(`${place} names no object.`, {
          exitCode: exitCode.usage,
          hint: 'Expected s3://BUCKET/KEY. See what is there: kiln bucket ls BUCKET',
        })
      }
      const client = clientOf(session)
      const request = { Bucket, ObjectKey, ...(name === undefined ? {} : { Name: name }) }
      const { ImageId: imageId = '' } = await client.call('CreateRestoreImageTask', request)
      await tellResult(session, client, await follow(session, client, 'restore-image', imageId, 'Cancelled.'))
    })
  addExamples(
    command,
    'kiln image restore s3://backups/ami-0123456789abcdef0.bin',
    'kiln image restore s3://backups/ami-0123456789abcdef0.bin --name web-again',
  )
}

/** EC2 tells the id of no such task: it is the newest of its image. */
async function follow(
  session: Session,
  client: KilnClient,
  kind: TaskDescription['Kind'],
  imageId: string,
  whenCancelled: string,
): Promise<TaskDescription> {
  const { Tasks } = await client.call('KilnDescribeTasks', {})
  const [task] = Tasks.filter(({ Kind, Subject }) => Kind === kind && Subject === imageId).sort((a, b) =>
    b.StartedAt.localeCompare(a.StartedAt),
  )
  if (!task) throw new CliError('The daemon does not know the task.', { hint: 'See: kiln logs --daemon' })
  return await followTask(session, client, task.TaskId, whenCancelled)
}
