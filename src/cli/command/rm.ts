import type { Command } from 'commander'
import { confirm } from '../confirm.ts'
import { addExamples } from '../help.ts'
import { chooseInstanceIds, instanceStates } from '../resolve/instance.ts'
import { clientOf, note, say, type Session } from '../session.ts'
import { waitForState } from '../wait.ts'

/** `kiln rm` */
export function defineRm(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every instance of the region')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'return when they are terminated')
    .action(async (names: string[], { all, yes, wait }: { all?: boolean; yes?: boolean; wait?: boolean }) => {
      const client = clientOf(session)
      const live = instanceStates.filter((state) => state !== 'terminated' && state !== 'shutting-down')
      const ids = await chooseInstanceIds(client, names, all ? live : undefined)
      if (ids.length === 0) return note(session, 'There is nothing to terminate.')
      if (all && !yes) {
        const question = `Terminate ${ids.length} instances and delete their disks?`
        await confirm(session, question, 'Nothing was terminated.')
      }
      const answer = await client.call('TerminateInstances', { InstanceIds: ids })
      for (const change of answer.TerminatingInstances ?? []) {
        say(session, `${change.InstanceId} ${change.CurrentState?.Name}`)
      }
      if (wait) await waitForState(session, client, ids, 'terminated')
    })
  addExamples(command, 'kiln rm web', 'kiln rm --all --yes --wait')
}
