import { type Command, Option } from 'commander'
import type { KilnClient } from '../client.ts'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { chooseInstanceIds } from '../resolve/instance.ts'
import { clientOf, note, say, type Session } from '../session.ts'
import { waitForBoot, waitForState, type WaitGoal, waitGoals } from '../wait.ts'

interface StateChanges {
  readonly InstanceId?: string | undefined
  readonly CurrentState?: { readonly Name?: string | undefined } | undefined
}

/** `kiln start` */
export function defineStart(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every stopped instance of the region')
    .addOption(new Option('--wait <goal>', 'return when this is reached').choices(waitGoals))
    .action(async (names: string[], { all, wait }: { all?: boolean; wait?: WaitGoal }) => {
      const client = clientOf(session)
      const InstanceIds = await chooseInstanceIds(client, names, all ? ['stopped'] : undefined)
      if (InstanceIds.length === 0) return note(session, 'There is nothing to start.')
      const answer = await client.call('StartInstances', { InstanceIds })
      tell(session, answer.StartingInstances)
      if (wait) await waitForBoot(session, client, InstanceIds, wait)
    })
  addExamples(command, 'kiln start web db', 'kiln start --all --wait ssh')
}

/** `kiln stop` */
export function defineStop(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every running instance of the region')
    .option('--force', 'pull the plug')
    .addOption(new Option('--hibernate', 'keep the memory, to go on there at the next start').conflicts('force'))
    .option('--wait', 'return when they are stopped')
    .action(
      async (names: string[], options: { all?: boolean; force?: boolean; hibernate?: boolean; wait?: boolean }) => {
        const { all, force, hibernate, wait } = options
        const client = clientOf(session)
        const InstanceIds = await chooseInstanceIds(client, names, all ? ['running', 'pending'] : undefined)
        if (InstanceIds.length === 0) return note(session, 'There is nothing to stop.')
        const answer = await client.call('StopInstances', {
          InstanceIds,
          ...(force ? { Force: true } : {}),
          ...(hibernate ? { Hibernate: true } : {}),
        })
        tell(session, answer.StoppingInstances)
        if (wait) await waitForState(session, client, InstanceIds, 'stopped')
      },
    )
  addExamples(command, 'kiln stop web --wait', 'kiln stop --all', 'kiln stop web --force')
}

/** `kiln suspend` */
export function defineSuspend(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every running instance of the region')
    .option('--wait', 'return when their memory is kept and they are stopped')
    .action(async (names: string[], { all, wait }: { all?: boolean; wait?: boolean }) => {
      const client = clientOf(session)
      const InstanceIds = await chooseInstanceIds(client, names, all ? ['running'] : undefined)
      if (InstanceIds.length === 0) return note(session, 'There is nothing to suspend.')
      const answer = await client.call('KilnSuspendInstances', { InstanceIds })
      tell(session, answer.StoppingInstances)
      if (wait) await waitForState(session, client, InstanceIds, 'stopped')
    })
  addExamples(command, 'kiln suspend web --wait', 'kiln suspend --all')
}

/** `kiln resume` */
export function defineResume(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every instance of the region that is suspended')
    .addOption(new Option('--wait <goal>', 'return when this is reached').choices(waitGoals))
    .action(async (names: string[], { all, wait }: { all?: boolean; wait?: WaitGoal }) => {
      const client = clientOf(session)
      const chosen = await chooseInstanceIds(client, names, all ? ['stopped'] : undefined)
      const details = await Promise.all(chosen.map((id) => client.call('KilnDescribeInstance', { InstanceId: id })))
      const suspended = details.filter(({ Hibernation }) => Hibernation).map(({ InstanceId }) => InstanceId)
      const other = chosen.find((id) => !suspended.includes(id))
      if (other !== undefined && !all)
        throw new CliError(`${other} is not suspended. \`kiln start ${other}\` boots it.`)
      if (suspended.length === 0) return note(session, 'There is nothing to resume.')
      const answer = await client.call('StartInstances', { InstanceIds: suspended })
      tell(session, answer.StartingInstances)
      if (wait) await waitForBoot(session, client, suspended, wait)
    })
  addExamples(command, 'kiln resume web --wait ssh', 'kiln resume --all')
}

/** `kiln reboot` */
export function defineReboot(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every running instance of the region')
    .addOption(new Option('--wait <goal>', 'return when this is reached again').choices(waitGoals))
    .action(async (names: string[], { all, wait }: { all?: boolean; wait?: WaitGoal }) => {
      const client = clientOf(session)
      const InstanceIds = await chooseInstanceIds(client, names, all ? ['running'] : undefined)
      if (InstanceIds.length === 0) return note(session, 'There is nothing to reboot.')
      const boots = wait && (await readBoots(client, InstanceIds))
      await client.call('RebootInstances', { InstanceIds })
      for (const id of InstanceIds) say(session, `${id} rebooting`)
      if (wait) await waitForBoot(session, client, InstanceIds, wait, boots)
    })
  addExamples(command, 'kiln reboot web', 'kiln reboot web --wait ssh')
}

/** Which boot each instance is in. */
async function readBoots(client: KilnClient, ids: readonly string[]): Promise<Map<string, string>> {
  const details = await Promise.all(ids.map((id) => client.call('KilnDescribeInstance', { InstanceId: id })))
  return new Map(details.map(({ InstanceId, BootRequestedAt }) => [InstanceId, BootRequestedAt ?? '']))
}

function tell(session: Session, changes: readonly StateChanges[] | undefined): void {
  for (const { InstanceId, CurrentState } of changes ?? []) say(session, `${InstanceId} ${CurrentState?.Name}`)
}
