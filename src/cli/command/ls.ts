import type { Command } from 'commander'
import { listInstances, nameOf } from '../resolve/instance.ts'
import { addOutputOption, clientOf, type OutputFormat, printListing, type Session } from '../session.ts'

/** `kiln ls` */
export function defineLs(command: Command, session: Session): void {
  addOutputOption(command)
    .option('-a, --all', 'terminated ones too')
    .action(async ({ all, output }: { all?: boolean; output: OutputFormat }) => {
      const instances = await listInstances(clientOf(session))
      const shown = instances.filter((instance) => all || instance.State?.Name !== 'terminated')
      await printListing(session, output, {
        answer: { Reservations: shown.map((instance) => ({ Instances: [instance] })) },
        rows: shown,
        empty: 'No instances. Launch one with: kiln run nano',
        columns: [
          { title: 'NAME', value: nameOf },
          { title: 'ID', value: (row) => row.InstanceId },
          { title: 'STATE', value: (row) => row.State?.Name },
          { title: 'TYPE', value: (row) => row.InstanceType },
          { title: 'IMAGE', value: (row) => row.ImageId },
          { title: 'PUBLIC IP', value: (row) => row.PublicIpAddress },
          { title: 'PRIVATE IP', value: (row) => row.PrivateIpAddress },
        ],
      })
    })
}
