import type { Command } from 'commander'
import type { KilnClient } from '../client.ts'
import { exitCode, ExitRequest } from '../failure.ts'
import { renderDisks } from '../render/disk.ts'
import { resolveImage } from '../resolve/image.ts'
import { addOutputOption, clientOf, type OutputFormat, printAnswer, say, type Session } from '../session.ts'
import { followTask } from '../task.ts'

/** `kiln disk …` */
export function defineDisk(command: Command, session: Session): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  kiln disk ls\n  kiln disk check\n  kiln disk check nano vol-0123456789abcdef0',
  )
  addOutputOption(command.command('ls').description('Show what stands on what, and what deleting it would free'))
    .addHelpText(
      'after',
      `
Of all accounts and regions. What deleting an image frees is counted with its snapshots.

Examples:
  kiln disk ls
  kiln disk ls -o json | jq '.Snapshots | sort_by(-.FreedBytes)'`,
    )
    .action(async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeDisks', {})
      if (output !== 'table') return printAnswer(session, output, answer)
      session.stdout.write(renderDisks(answer))
    })
  command
    .command('check')
    .description('Read layers and compare them with what they were when they were made')
    .argument(
      '[what...]',
      'images by id or name, snapshots, volumes and layers by id: all that they stand on; every layer when absent',
    )
    .addHelpText(
      'after',
      `
Nothing is made of a damaged layer any more: its snapshots are in the state error. Ends with 1 when one is found.

Examples:
  kiln disk check
  kiln disk check nano vol-0123456789abcdef0`,
    )
    .action(async (names: string[]) => await check(session, clientOf(session), names))
}

async function check(session: Session, client: KilnClient, names: readonly string[]): Promise<void> {
  const ids = await Promise.all(names.map((name) => resourceIdOf(client, name)))
  const { TaskId } = await client.call('KilnCheckDisks', ids.length === 0 ? {} : { ResourceIds: ids })
  await followTask(session, client, TaskId, 'Cancelled; what was found until then is marked.')
  const disks = await client.call('KilnDescribeDisks', {})
  const damaged = disks.Layers.filter(({ Damage }) => Damage)
  for (const { LayerId, Damage } of damaged) {
    say(session, `${LayerId} is damaged: ${Damage?.Reason}`)
    const over = new Set(layersOver(disks.Layers, LayerId))
    const standing = [
      ...disks.Images.filter(({ SnapshotIds: own }) =>
        disks.Snapshots.some((snapshot) => own.includes(snapshot.SnapshotId) && over.has(snapshot.LayerId)),
      ).map(({ ImageId, Name }) => `${ImageId} (${Name})`),
      ...disks.Snapshots.filter((snapshot) => over.has(snapshot.LayerId)).map(({ SnapshotId }) => SnapshotId),
      ...disks.Volumes.filter((volume) => over.has(volume.LayerId ?? '')).map(({ VolumeId }) => VolumeId),
    ]
    for (const one of standing) say(session, `  ${one}`)
  }
  if (damaged.length > 0) throw new ExitRequest(exitCode.failed)
}

/** What is no id is the name of an image. */
async function resourceIdOf(client: KilnClient, name: string): Promise<string> {
  if (/^(ami|snap|vol|layer)-/.test(name)) return name
  const { ImageId: id = '' } = await resolveImage(client, name)
  return id
}

function layersOver(layers: readonly { LayerId: string; ParentId?: string }[], layerId: string): string[] {
  const children = layers.filter(({ ParentId }) => ParentId === layerId)
  return [layerId, ...children.flatMap((child) => layersOver(layers, child.LayerId))]
}
