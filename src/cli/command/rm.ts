import type { Command } from 'commander'
import { CliError, exitCode } from '../failure.ts'
import { listInstances, resolveInstanceIds } from '../resolve/instance.ts'
import { clientOf, note, say, type Session } from '../session.ts'

/** `kiln rm` */
export function defineRm(command: Command, session: Session): void {
  command
    .argument('[instance...]', 'ids or names')
    .option('--all', 'every instance of the region')
    .option('--yes', 'do not ask')
    .action(async (names: string[], { all, yes }: { all?: boolean; yes?: boolean }) => {
      if (names.length > 0 === (all ?? false)) {
        throw new CliError('Name the instances to terminate, or give --all.', { exitCode: exitCode.usage })
      }
      const client = clientOf(session)
      const ids = all
        ? (await listInstances(client))
            .filter((instance) => !['terminated', 'shutting-down'].includes(instance.State?.Name ?? ''))
            .flatMap((instance) => instance.InstanceId ?? [])
        : await resolveInstanceIds(client, names)
      if (ids.length === 0) return note(session, 'There is nothing to terminate.')
      if (all && !yes) await confirm(session, `Terminate ${ids.length} instances and delete their disks?`)
      const answer = await client.call('TerminateInstances', { InstanceIds: ids })
      for (const change of answer.TerminatingInstances ?? []) {
        say(session, `${change.InstanceId} ${change.CurrentState?.Name}`)
      }
    })
}

async function confirm(session: Session, question: string): Promise<void> {
  if (!session.stdin.isTTY || !session.stdout.isTTY) {
    throw new CliError('Without a terminal to ask on, --all needs --yes.', { exitCode: exitCode.usage })
  }
  const { createInterface } = await import('node:readline/promises')
  const reader = createInterface({ input: session.stdin, output: process.stderr })
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: session.signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('Nothing was terminated.')
  } finally {
    reader.close()
  }
}
