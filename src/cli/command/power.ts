import type { Command } from 'commander'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { clientOf, say, type Session } from '../session.ts'

/** `kiln start` */
export function defineStart(command: Command, session: Session): void {
  command.argument('<instance...>', 'ids or names').action(async (names: string[]) => {
    const client = clientOf(session)
    const answer = await client.call('StartInstances', { InstanceIds: await resolveInstanceIds(client, names) })
    for (const change of answer.StartingInstances ?? [])
      say(session, `${change.InstanceId} ${change.CurrentState?.Name}`)
  })
}

/** `kiln stop` */
export function defineStop(command: Command, session: Session): void {
  command
    .argument('<instance...>', 'ids or names')
    .option('--force', 'pull the plug')
    .action(async (names: string[], { force }: { force?: boolean }) => {
      const client = clientOf(session)
      const InstanceIds = await resolveInstanceIds(client, names)
      const answer = await client.call('StopInstances', { InstanceIds, ...(force ? { Force: true } : {}) })
      for (const change of answer.StoppingInstances ?? [])
        say(session, `${change.InstanceId} ${change.CurrentState?.Name}`)
    })
}

/** `kiln reboot` */
export function defineReboot(command: Command, session: Session): void {
  command.argument('<instance...>', 'ids or names').action(async (names: string[]) => {
    const client = clientOf(session)
    await client.call('RebootInstances', { InstanceIds: await resolveInstanceIds(client, names) })
  })
}
