import type { TaskDescription } from '../../api/kiln/task.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import type { Session } from '../session.ts'
import { followTask } from '../task.ts'

/** What a command line calls a community image: `community/NAME`, or `community/OWNER/NAME` where several have published it. */
export function communityNameOf(text: string): { Name: string; OwnerId?: string } | undefined {
  const [, OwnerId, Name = ''] = /^community\/(?:(\d{12})\/)?(.+)$/.exec(text) ?? []
  if (Name === '') return undefined
  return { Name, ...(OwnerId === undefined ? {} : { OwnerId }) }
}

/** Brings a community image, showing how it gets on; answers at once when it is here. */
export async function pullCommunityImage(
  session: Session,
  client: KilnClient,
  wanted: { Name: string; OwnerId?: string },
): Promise<TaskDescription & { ImageId: string }> {
  const { TaskId } = await client.call('KilnPullCommunityImage', wanted)
  const task = await followTask(
    ...([session, client, TaskId] as const),
    'Cancelled. What has come is kept: the same command goes on from there.',
  )
  const { ImageId } = task
  if (ImageId === undefined) throw new CliError(`No image came of ${wanted.Name}.`, { exitCode: exitCode.failed })
  return { ...task, ImageId }
}
