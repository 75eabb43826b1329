import type { Command } from 'commander'
import type { AccessKeyDescription } from '../../api/kiln/access-key.ts'
import { systemClock } from '../../host/clock.ts'
import { confirm } from '../confirm.ts'
import { addExamples } from '../help.ts'
import { renderAge } from '../render/duration.ts'
import {
  addOutputOption,
  clientOf,
  note,
  type OutputFormat,
  printAnswer,
  printListing,
  say,
  type Session,
} from '../session.ts'

/** `kiln access-key …` */
export function defineAccessKey(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List access keys of all accounts')).action(
    async ({ output }: { output: OutputFormat }) => list(session, output),
  )
  const create = addOutputOption(
    command
      .command('create')
      .description('Make an access key; an account begins with its first')
      .option('--read-only', 'a key that may see everything of its account and change nothing')
      .option('--description <text>', 'what it is for'),
  ).action(async (options: CreateOptions) => make(session, options))
  addExamples(
    create,
    'kiln access-key create --read-only --description monitoring',
    'kiln access-key create --account 210987654321 -o json',
  )
  for (const { name, operation, what } of changes) {
    command
      .command(name)
      .description(what)
      .argument('<access-key-id...>', 'as kiln access-key ls tells them')
      .action(async (ids: string[]) => {
        const client = clientOf(session)
        for (const AccessKeyId of ids) {
          await client.call(operation, { AccessKeyId })
          say(session, AccessKeyId)
        }
      })
  }
  command
    .command('rm')
    .description('Delete access keys for good')
    .argument('<access-key-id...>', 'as kiln access-key ls tells them')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: string[], { yes }: { yes?: boolean }) => {
      if (!yes)
        await confirm(session, `Delete ${ids.join(', ')}? Whoever uses them is locked out.`, 'Nothing was deleted.')
      const client = clientOf(session)
      for (const AccessKeyId of ids) {
        await client.call('KilnDeleteAccessKey', { AccessKeyId })
        say(session, AccessKeyId)
      }
    })
}

const changes = [
  {
    name: 'disable',
    operation: 'KilnDisableAccessKey',
    what: 'Refuse access keys, and the temporary credentials got with them, until they are enabled',
  },
  { name: 'enable', operation: 'KilnEnableAccessKey', what: 'Take access keys again that were disabled' },
] as const

interface CreateOptions {
  readOnly?: boolean
  description?: string
  output: OutputFormat
}

/** The account may be a new one: that it is named is no reason to refuse the call. */
async function make(session: Session, { readOnly, description, output }: CreateOptions): Promise<void> {
  const answer = await clientOf({ ...session, account: undefined }).call('KilnCreateAccessKey', {
    ...(session.account === undefined ? {} : { AccountId: session.account }),
    ...(readOnly ? { IsReadOnly: true } : {}),
    ...(description === undefined ? {} : { Description: description }),
  })
  if (output !== 'table') return printAnswer(session, output, answer)
  const { AccessKeyId, SecretAccessKey, AccountId } = answer.AccessKey
  note(session, `An access key of the account ${AccountId}. The secret is shown this once:`)
  say(session, `aws_access_key_id = ${AccessKeyId}`)
  say(session, `aws_secret_access_key = ${SecretAccessKey}`)
}

async function list(session: Session, output: OutputFormat): Promise<void> {
  const answer = await clientOf(session).call('KilnDescribeAccessKeys', {})
  const now = systemClock.now()
  await printListing<AccessKeyDescription>(session, output, {
    answer,
    rows: answer.AccessKeys,
    empty: 'No access keys. Make one with: kiln access-key create',
    columns: [
      { title: 'ACCESS KEY ID', value: (row) => row.AccessKeyId },
      { title: 'ACCOUNT', value: (row) => row.AccountId },
      { title: 'STATE', value: (row) => row.State },
      { title: 'MAY', value: (row) => (row.IsReadOnly ? 'read' : 'read and change') },
      { title: 'AGE', value: (row) => renderAge(row.CreatedAt, now) },
      { title: 'DESCRIPTION', value: (row) => row.Description },
    ],
  })
}
