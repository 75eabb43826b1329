import type { Command } from 'commander'
import { addExamples } from '../help.ts'
import { resolveInstance } from '../resolve/instance.ts'
import {
  addOutputOption,
  clientOf,
  integerBetween,
  type OutputFormat,
  printListing,
  say,
  type Session,
} from '../session.ts'
import { defineSnapshotExport } from './export.ts'
import { defineSnapshotImport } from './snapshot-import.ts'

/** `kiln snapshot …` */
export function defineSnapshot(command: Command, session: Session): void {
  command.addHelpText(
    'after',
    `
Examples:
  kiln snapshot create web --description 'before the upgrade'
  kiln snapshot ls
  kiln snapshot archive snap-0123456789abcdef0
  kiln snapshot export snap-0123456789abcdef0 data.qcow2 --compress
  kiln snapshot import data.vhdx`,
  )
  defineLs(command.command('ls'), session)
  defineCreate(command.command('create'), session)
  defineArchive(command.command('archive'), session)
  defineRestore(command.command('restore'), session)
  defineSnapshotExport(command.command('export'), session)
  defineSnapshotImport(command.command('import'), session)
  defineRm(command.command('rm'), session)
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List your snapshots')).action(async ({ output }: { output: OutputFormat }) => {
    const client = clientOf(session)
    const [answer, { SnapshotTierStatuses = [] }] = await Promise.all([
      client.call('DescribeSnapshots', { OwnerIds: ['self'] }),
      client.call('DescribeSnapshotTierStatus', {}),
    ])
    const moving = new Map(
      SnapshotTierStatuses.filter(({ LastTieringOperationStatus: status }) => status?.endsWith('in-progress')).map(
        (status) => [status.SnapshotId, `${status.StorageTier}, ${status.LastTieringProgress ?? 0}% moved`],
      ),
    )
    await printListing(session, output, {
      answer,
      rows: answer.Snapshots ?? [],
      empty: 'No snapshots. Take one with: kiln snapshot create INSTANCE',
      columns: [
        { title: 'ID', value: (row) => row.SnapshotId },
        { title: 'VOLUME', value: (row) => row.VolumeId },
        { title: 'SIZE', value: (row) => `${row.VolumeSize} GiB` },
        { title: 'STATE', value: (row) => (row.State === 'pending' ? `pending ${row.Progress}` : row.State) },
        { title: 'TIER', value: (row) => moving.get(row.SnapshotId) ?? row.StorageTier },
        { title: 'STARTED', value: (row) => row.StartTime?.slice(0, 16).replace('T', ' ') },
        { title: 'DESCRIPTION', value: (row) => row.Description || undefined },
      ],
    })
  })
}

function defineCreate(command: Command, session: Session): void {
  command
    .description('Take snapshots of a volume, or of all volumes of an instance at one instant')
    .argument('<volume-or-instance>', 'id of a volume, or id or name of an instance')
    .option('--description <text>')
    .action(async (name: string, { description }: { description?: string }) => {
      const client = clientOf(session)
      const more = description === undefined ? {} : { Description: description }
      if (name.startsWith('vol-')) {
        const { SnapshotId } = await client.call('CreateSnapshot', { VolumeId: name, ...more })
        return say(session, SnapshotId ?? '')
      }
      const { InstanceId } = await resolveInstance(client, name)
      const { Snapshots = [] } = await client.call('CreateSnapshots', {
        InstanceSpecification: { InstanceId },
        CopyTagsFromSource: 'volume',
        ...more,
      })
      for (const { SnapshotId } of Snapshots) say(session, SnapshotId ?? '')
    })
  addExamples(command, 'kiln snapshot create vol-0123456789abcdef0', "kiln snapshot create web --description 'before'")
}

function defineArchive(command: Command, session: Session): void {
  command
    .description('Move snapshots into the archive: one compressed file each, to be restored before it is used')
    .argument('<snapshot...>', 'ids')
    .action(async (ids: string[]) => {
      for (const SnapshotId of ids) {
        await clientOf(session).call('ModifySnapshotTier', { SnapshotId, StorageTier: 'archive' })
        say(session, SnapshotId)
      }
    })
  addExamples(command, 'kiln snapshot archive snap-0123456789abcdef0')
}

function defineRestore(command: Command, session: Session): void {
  command
    .description('Bring snapshots back from the archive, for good or for some days')
    .argument('<snapshot...>', 'ids')
    .option('--days <number>', 'they go back into the archive then', integerBetween(1, 180))
    .action(async (ids: string[], { days }: { days?: number }) => {
      for (const SnapshotId of ids) {
        const how = days === undefined ? { PermanentRestore: true } : { TemporaryRestoreDays: days }
        await clientOf(session).call('RestoreSnapshotTier', { SnapshotId, ...how })
        say(session, SnapshotId)
      }
    })
  addExamples(command, 'kiln snapshot restore snap-0123456789abcdef0 --days 7')
}

function defineRm(command: Command, session: Session): void {
  command
    .description('Delete snapshots; volumes that were made of them go on')
    .argument('<snapshot...>', 'ids')
    .action(async (ids: string[]) => {
      for (const SnapshotId of ids) {
        await clientOf(session).call('DeleteSnapshot', { SnapshotId })
        say(session, SnapshotId)
      }
    })
  addExamples(command, 'kiln snapshot rm snap-0123456789abcdef0')
}
