import { type Command, Option } from 'commander'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import {
  addOutputOption,
  clientOf,
  collect,
  integerBetween,
  note,
  type OutputFormat,
  printListing,
  say,
  type Session,
} from '../session.ts'
import { readTagOption } from '../tag-option.ts'

/** `kiln recycle-bin …` */
export function defineRecycleBin(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
  defineRestore(command.command('restore'), session)
  defineRules(command.command('rules'), session)
  defineKeep(command.command('keep'), session)
  command
    .command('forget')
    .description('Delete rules; what is in the bin stays for its time')
    .argument('<rule...>', 'as kiln recycle-bin rules tells them')
    .action(async (rules: string[]) => {
      for (const Identifier of rules) {
        await clientOf(session).call('KilnDeleteRetentionRule', { Identifier })
        say(session, Identifier)
      }
    })
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List what is in the Recycle Bin')).action(
    async ({ output }: { output: OutputFormat }) => {
      const client = clientOf(session)
      const [{ Images = [] }, { Snapshots = [] }] = await Promise.all([
        client.call('ListImagesInRecycleBin', {}),
        client.call('ListSnapshotsInRecycleBin', {}),
      ])
      const rows = [
        ...Images.map((image) => ({ ...image, Id: image.ImageId, What: image.Name })),
        ...Snapshots.map((snapshot) => ({ ...snapshot, Id: snapshot.SnapshotId, What: snapshot.Description })),
      ]
      await printListing(session, output, {
        answer: { Images, Snapshots },
        rows,
        empty: 'The Recycle Bin is empty.',
        columns: [
          { title: 'ID', value: (row) => row.Id },
          { title: 'DELETED', value: (row) => timeOf(row.RecycleBinEnterTime) },
          { title: 'KEPT UNTIL', value: (row) => timeOf(row.RecycleBinExitTime) },
          { title: 'NAME OR DESCRIPTION', value: (row) => row.What || undefined },
        ],
      })
    },
  )
}

function timeOf(time: string | undefined): string | undefined {
  return time?.slice(0, 16).replace('T', ' ')
}

function defineRestore(command: Command, session: Session): void {
  command
    .description('Take images and snapshots out of the Recycle Bin again')
    .argument('<id...>', 'of images and snapshots')
    .action(async (ids: string[]) => {
      const client = clientOf(session)
      // Images come back only when their snapshots are there.
      const snapshotsFirst = [...ids].sort((a, b) => Number(a.startsWith('ami-')) - Number(b.startsWith('ami-')))
      for (const id of snapshotsFirst) {
        if (id.startsWith('ami-')) await client.call('RestoreImageFromRecycleBin', { ImageId: id })
        else await client.call('RestoreSnapshotFromRecycleBin', { SnapshotId: id })
        say(session, id)
      }
    })
}

function defineRules(command: Command, session: Session): void {
  addOutputOption(command.description('List the rules by which what is deleted is kept')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeRetentionRules', {})
      const textOf = (tags: readonly { Key: string; Value: string }[]) =>
        tags.map(({ Key, Value }) => `${Key}=${Value}`).join(' ') || undefined
      await printListing(session, output, {
        answer,
        rows: answer.Rules,
        empty: 'No rules: what is deleted is gone. Make one with: kiln recycle-bin keep images --days 14',
        columns: [
          { title: 'RULE', value: (row) => row.Identifier },
          { title: 'OF', value: (row) => row.ResourceType },
          { title: 'DAYS', value: (row) => String(row.RetentionDays) },
          { title: 'ONLY WITH', value: (row) => textOf(row.ResourceTags) },
          { title: 'NOT WITH', value: (row) => textOf(row.ExcludeResourceTags) },
          { title: 'DESCRIPTION', value: (row) => row.Description || undefined },
        ],
      })
    },
  )
}

interface KeepOptions {
  days: number
  tag?: string[]
  exceptTag?: string[]
  description?: string
  rule?: string
}

const typeOf = { images: 'EC2_IMAGE', snapshots: 'EBS_SNAPSHOT' } as const

function defineKeep(command: Command, session: Session): void {
  command
    .description('Make a rule: images or snapshots that are deleted are kept for so many days')
    .argument('<what>', 'images or snapshots')
    .addOption(new Option('--days <number>', '1 to 365').argParser(integerBetween(1, 365)).makeOptionMandatory())
    .option('--tag <key=value>', 'only those with such a tag; several times for any of several', collect)
    .option('--except-tag <key=value>', 'not those with such a tag', collect)
    .option('--description <text>')
    .option('--rule <rule>', 'change this rule instead of making one')
    .action(async (what: string, options: KeepOptions) => {
      const ResourceType = Object.hasOwn(typeOf, what) ? typeOf[what as keyof typeof typeOf] : undefined
      if (!ResourceType) {
        throw new CliError(`Images or snapshots are kept, not ${what}.`, { exitCode: exitCode.usage })
      }
      const { Rule } = await clientOf(session).call('KilnPutRetentionRule', {
        ResourceType,
        RetentionDays: options.days,
        ResourceTags: (options.tag ?? []).map(readTagOption),
        ExcludeResourceTags: (options.exceptTag ?? []).map(readTagOption),
        ...(options.description === undefined ? {} : { Description: options.description }),
        ...(options.rule === undefined ? {} : { Identifier: options.rule }),
      })
      say(session, Rule.Identifier)
      note(session, 'What is deleted from now on is kept; see it with: kiln recycle-bin ls')
    })
  addExamples(
    command,
    'kiln recycle-bin keep images --days 14',
    'kiln recycle-bin keep snapshots --days 14 --tag team=blue',
  )
}
