import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { TaskDescription } from '../../api/kiln/task.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { formatBytes } from '../render/progress.ts'
import { communityNameOf } from '../resolve/community-image.ts'
import { resolveImage } from '../resolve/image.ts'
import { clientOf, note, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'

const cancelledPush =
  'Cancelled. What the registry has of it is kept there for a while: the same command goes on from there.'
const cancelledPull = 'Cancelled. What has come is kept: the same command goes on from there.'

/** `kiln image push` */
export function definePush(command: Command, session: Session): void {
  command
    .description('Send an image to a registry; only layers that it does not have')
    .argument('<image>', 'id or name')
    .argument('<reference>', 'registry/name:tag')
    .option('--sign-key <file>', 'sign it: cosign.key, or another private key in PEM (COSIGN_PASSWORD)')
    .action(async (name: string, reference: string, { signKey }: { signKey?: string }) => {
      const client = clientOf(session)
      const { ImageId: imageId = '' } = await resolveImage(client, name)
      const { TaskId } = await client.call('KilnPushImage', {
        ImageId: imageId,
        Reference: reference,
        ...(signKey === undefined ? {} : signingKeyOf(session, signKey)),
      })
      tellTransfer(session, 'sent', await followTask(session, client, TaskId, cancelledPush))
    })
  addExamples(
    command,
    'kiln image push web registry.example.org/team/web:1',
    'kiln image push web localhost:5000/web:1 --sign-key cosign.key',
  )
}

/** `kiln image sign` */
export function defineSign(command: Command, session: Session): void {
  command
    .description('Sign an image that is in a registry, as cosign does')
    .argument('<reference>', 'registry/name:tag')
    .requiredOption('--key <file>', 'cosign.key, or another private key in PEM (COSIGN_PASSWORD)')
    .action(async (reference: string, { key }: { key: string }) => {
      const request = { Reference: reference, ...signingKeyOf(session, key) }
      say(session, (await clientOf(session).call('KilnSignRegistryImage', request)).Digest)
    })
  addExamples(command, 'kiln image sign registry.example.org/team/web:1 --key cosign.key')
}

/** `kiln image publish` */
export function definePublish(command: Command, session: Session): void {
  command
    .description('Make an image public, and publish it to the community registry for other Kilns')
    .argument('<image>', 'id or name')
    .option('--sign-key <file>', 'sign it: cosign.key, or another private key in PEM (COSIGN_PASSWORD)')
    .action(async (name: string, { signKey }: { signKey?: string }) => {
      const client = clientOf(session)
      const { ImageId: imageId = '', Public: isPublic = false } = await resolveImage(client, name)
      if (!isPublic) {
        await client.call('ModifyImageAttribute', { ImageId: imageId, LaunchPermission: { Add: [{ Group: 'all' }] } })
      }
      const { TaskId } = await client.call('KilnPublishImage', {
        ImageId: imageId,
        ...(signKey === undefined ? {} : signingKeyOf(session, signKey)),
      })
      tellTransfer(session, 'sent', await followTask(session, client, TaskId, cancelledPush))
    })
  addExamples(command, 'kiln image publish web --sign-key cosign.key')
}

/** `kiln image unpublish` */
export function defineUnpublish(command: Command, session: Session): void {
  command
    .description('Take back what you have published by a name; who has pulled it keeps it')
    .argument('<name>', 'as it was published')
    .action(async (name: string) => {
      const { Name: published } = communityNameOf(name) ?? { Name: name }
      await clientOf(session).call('KilnUnpublishImage', { Name: published })
      say(session, published)
      note(session, 'Other Kilns do not find it any more; the accounts of this host may launch it as before.')
    })
  addExamples(command, 'kiln image unpublish web')
}

/** `kiln image pull` of what names a registry; resolves to the task that brought it. */
export async function pullFromRegistry(
  session: Session,
  client: KilnClient,
  reference: string,
  options: { name?: string; key?: string },
): Promise<TaskDescription> {
  const { TaskId } = await client.call('KilnPullRegistryImage', {
    Reference: reference,
    ...(options.name ? { Name: options.name } : {}),
    ...(options.key ? { PublicKeyFile: resolve(options.key) } : {}),
  })
  const task = await followTask(session, client, TaskId, cancelledPull)
  tellTransfer(session, 'received', task)
  return task
}

/** What went over the line is no result of a pull; the digest of a push is. */
function tellTransfer(session: Session, what: 'sent' | 'received', { Transfer }: TaskDescription): void {
  if (!Transfer) return
  if (what === 'sent') say(session, Transfer.Digest)
  note(session, `${formatBytes(Transfer.MovedBytes)} ${what}, ${formatBytes(Transfer.SkippedBytes)} were there.`)
}

/** The daemon reads the file; the password is where cosign has it. */
function signingKeyOf(session: Session, file: string): { SigningKeyFile: string; SigningKeyPassword?: string } {
  const password = session.environment['COSIGN_PASSWORD']
  return { SigningKeyFile: resolve(file), ...(password === undefined ? {} : { SigningKeyPassword: password }) }
}
