import type { Command } from 'commander'
import type { KilnClient } from '../client.ts'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { clientOf, type Session } from '../session.ts'
import { pause } from '../wait.ts'
import { tellResult } from './image-make.ts'

interface CreateOptions {
  name: string
  description?: string
  reboot?: true
}

/** `kiln image create` */
export function defineCreate(command: Command, session: Session): void {
  command
    .description('Make an image of an instance, with all its volumes as they are at one instant')
    .argument('<instance>', 'id or name; running or stopped')
    .requiredOption('--name <name>', 'of the image')
    .option('--description <text>')
    .option('--reboot', 'reboot a running instance, and take its volumes between the two boots')
    .action(async (instance: string, { name, description, reboot }: CreateOptions) => {
      const client = clientOf(session)
      const { InstanceId } = await resolveInstance(client, instance)
      const { ImageId = '' } = await client.call('CreateImage', {
        InstanceId,
        Name: name,
        NoReboot: reboot === undefined,
        ...(description === undefined ? {} : { Description: description }),
      })
      await waitUntilAvailable(session, client, ImageId)
      await tellResult(session, client, { ImageId })
    })
  addExamples(command, 'kiln image create web --name web-2', 'kiln image create db --name db-clean --reboot')
}

/** Ctrl-C ends the wait; the image is made all the same. */
async function waitUntilAvailable(session: Session, client: KilnClient, imageId: string): Promise<void> {
  for (;;) {
    const { State, StateReason } = await resolveImage(client, imageId)
    if (State === 'available') return
    if (State !== 'pending') {
      throw new CliError(`${imageId} is ${State ?? 'gone'}: ${StateReason?.Message ?? 'no reason is known'}.`)
    }
    await pause(session, `${imageId} is made all the same.`)
  }
}
