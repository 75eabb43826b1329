import { extname } from 'node:path'
import { type Command, Option } from 'commander'
import { type ExportFormat, exportFormats } from '../../ec2/ports/disk.ts'
import { CliError, exitCode } from '../failure.ts'
import { type ImageRecord, resolveImage } from '../resolve/image.ts'
import { clientOf, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'
import { readSource, type Source } from './source.ts'

interface ExportOptions {
  format?: ExportFormat
  compress?: boolean
  force?: boolean
  device?: string
}

const formatsByExtension: Readonly<Record<string, ExportFormat>> = {
  ...Object.fromEntries(exportFormats.map((format) => [`.${format}`, format])),
  '.img': 'raw',
}

/** `kiln image export` */
export function defineImageExport(command: Command, session: Session): void {
  addExportOptions(
    command
      .description('Write the disk of an image as one file: qcow2, raw, VMDK, VHD, VHDX or OVA')
      .argument('<image>', 'id or name')
      .argument('<file>', 'what is written, by the daemon; or s3://BUCKET/KEY'),
  )
    .option('--device <name>', 'the device, of an image with several; /dev/xvda for one')
    .addHelpText(
      'after',
      `
The file needs no other. It appears when it is whole.

Examples:
  kiln image export nano nano.raw
  kiln image export web web.qcow2 --compress
  kiln image export web /backup/web.ova
  kiln image export web s3://backups/web.vmdk`,
    )
    .action(async (name: string, file: string, options: ExportOptions) => {
      const format = requireFormat(file, options)
      const image = await resolveImage(clientOf(session), name)
      await exportSnapshot(session, snapshotOf(image, options.device), file, { ...options, format })
    })
}

/** `kiln snapshot export` */
export function defineSnapshotExport(command: Command, session: Session): void {
  addExportOptions(
    command
      .description('Write a snapshot as one file: qcow2, raw, VMDK, VHD, VHDX or OVA')
      .argument('<snapshot>', 'id')
      .argument('<file>', 'what is written, by the daemon; or s3://BUCKET/KEY'),
  )
    .addHelpText('after', '\nExamples:\n  kiln snapshot export snap-0123456789abcdef0 data.qcow2 --compress')
    .action(async (snapshotId: string, file: string, options: ExportOptions) =>
      exportSnapshot(session, snapshotId, file, { ...options, format: requireFormat(file, options) }),
    )
}

function addExportOptions(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', "by the file's name when absent").choices(exportFormats))
    .option('--compress', 'of qcow2: a smaller file, that takes longer to write')
    .option('--force', 'replace a file or an object that is there')
}

function requireFormat(file: string, options: ExportOptions): ExportFormat {
  const format = options.format ?? formatsByExtension[extname(file).toLowerCase()]
  if (!format) {
    throw new CliError(`The name ${file} says no format.`, {
      exitCode: exitCode.usage,
      hint: `Give one of these: --format ${exportFormats.join('|')}`,
    })
  }
  if (options.compress && format !== 'qcow2') {
    throw new CliError('--compress goes with qcow2 only; VMDK and OVA are compressed anyway.', {
      exitCode: exitCode.usage,
    })
  }
  return format
}

async function exportSnapshot(
  session: Session,
  snapshotId: string,
  file: string,
  options: ExportOptions & { format: ExportFormat },
): Promise<void> {
  const client = clientOf(session)
  const { text: destination } = readDestination(file)
  const { TaskId } = await client.call('KilnExportSnapshot', {
    SnapshotId: snapshotId,
    Destination: destination,
    Format: options.format,
    ...(options.compress ? { IsCompressed: true } : {}),
    ...(options.force ? { Overwrite: true } : {}),
  })
  await followTask(session, client, TaskId, 'Cancelled.')
  say(session, destination)
}

function readDestination(file: string): Source {
  const destination = readSource(file)
  if (destination.kind !== 'url') return destination
  throw new CliError('Disks are written to files and to s3://BUCKET/KEY, not to http.', { exitCode: exitCode.usage })
}

/** The snapshot of an image's only device, or of the one that is named. */
function snapshotOf(image: ImageRecord, deviceName: string | undefined): string {
  const devices = (image.BlockDeviceMappings ?? []).flatMap(({ DeviceName: name, Ebs }) =>
    name !== undefined && Ebs?.SnapshotId !== undefined ? [{ name, snapshotId: Ebs.SnapshotId }] : [],
  )
  const [only, ...others] = deviceName === undefined ? devices : devices.filter(({ name }) => name === deviceName)
  if (only && others.length === 0) return only.snapshotId
  const names = devices.map(({ name }) => name).join(', ')
  throw new CliError(
    only ? `${image.Name} has several devices: ${names}.` : `${image.Name} has no device ${deviceName ?? ''}.`,
    { exitCode: exitCode.usage, hint: `Give one of these: --device ${names}` },
  )
}
