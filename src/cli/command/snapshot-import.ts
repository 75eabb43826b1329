import { pathToFileURL } from 'node:url'
import { type Command, Option } from 'commander'
import { type ExportFormat, exportFormats } from '../../ec2/ports/disk.ts'
import { addExamples } from '../help.ts'
import { clientOf, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'
import { readSource } from './source.ts'

/** An OVA is a machine, not a disk. */
const formats = exportFormats.filter((format) => format !== 'ova')

/** `kiln snapshot import` */
export function defineSnapshotImport(command: Command, session: Session): void {
  command
    .description('Make a snapshot of a disk: qcow2, raw, VMDK, VHD or VHDX')
    .argument('<source>', 'a file, an http(s) URL, or s3://BUCKET/KEY')
    .addOption(new Option('--format <format>', 'what it must be; found out when absent').choices(formats))
    .option('--description <text>')
    .action(async (source: string, options: { format?: ExportFormat; description?: string }) => {
      const client = clientOf(session)
      const { kind, text } = readSource(source)
      const { ImportTaskId: id = '' } = await client.call('ImportSnapshot', {
        ...(options.description === undefined ? {} : { Description: options.description }),
        DiskContainer: {
          Url: kind === 'file' ? pathToFileURL(text).href : text,
          ...(options.format === undefined ? {} : { Format: options.format.toUpperCase() }),
        },
      })
      const { SnapshotId: snapshotId = '' } = await followTask(session, client, id, 'Cancelled.')
      say(session, snapshotId)
    })
  addExamples(
    command,
    'kiln snapshot import data.vhdx --description data',
    'kiln snapshot import s3://backups/data.raw --format raw',
  )
}
