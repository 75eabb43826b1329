import type { Command } from 'commander'
import type { TaskDescription } from '../../api/kiln/task.ts'
import { formatObjectUrl, readObjectUrl } from '../../ec2/transfer/object-url.ts'
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
      const before = await listTasks(client)
      const { ObjectKey: key = '' } = await client.call('CreateStoreImageTask', { ImageId: imageId, Bucket })
      const task = await findTask(client, { kind: 'store-image', imageId, before })
      await followTask(session, client, task, 'Cancelled: nothing was stored.')
      say(session, formatObjectUrl({ bucket: Bucket, key }))
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
      const { bucket: Bucket, key: ObjectKey } = readPlace(place)
      const client = clientOf(session)
      const request = { Bucket, ObjectKey, ...(name === undefined ? {} : { Name: name }) }
      const before = await listTasks(client)
      const { ImageId: imageId = '' } = await client.call('CreateRestoreImageTask', request)
      const task = await findTask(client, { kind: 'restore-image', imageId, before })
      await tellResult(session, client, await followTask(session, client, task, 'Cancelled.'))
    })
  addExamples(
    command,
    'kiln image restore s3://backups/ami-0123456789abcdef0.bin',
    'kiln image restore s3://backups/ami-0123456789abcdef0.bin --name web-again',
  )
}

function readPlace(place: string): ReturnType<typeof readObjectUrl> {
  try {
    return readObjectUrl(place)
  } catch {
    throw new CliError(`${place} names no object.`, {
      exitCode: exitCode.usage,
      hint: 'Expected s3://BUCKET/KEY. See what is there: kiln bucket ls BUCKET',
    })
  }
}

/** The tasks that there are already. */
async function listTasks(client: KilnClient): Promise<ReadonlySet<string>> {
  const { Tasks: tasks } = await client.call('KilnDescribeTasks', {})
  return new Set(tasks.map(({ TaskId }) => TaskId))
}

/** EC2 tells the id of no such task: it is the one of the image that was not there before. */
async function findTask(
  client: KilnClient,
  wanted: { kind: TaskDescription['Kind']; imageId: string; before: ReadonlySet<string> },
): Promise<string> {
  const { Tasks: tasks } = await client.call('KilnDescribeTasks', {})
  const task = tasks.find(
    ({ TaskId, Kind, Subject }) => Kind === wanted.kind && Subject === wanted.imageId && !wanted.before.has(TaskId),
  )
  if (!task) throw new CliError('The daemon does not know the task.', { hint: 'See: kiln logs --daemon' })
  return task.TaskId
}
