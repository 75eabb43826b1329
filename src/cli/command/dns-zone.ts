import type { Command } from 'commander'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { resolveZone } from '../resolve/dns-zone.ts'
import { addOutputOption, clientOf, collect, type OutputFormat, printListing, say, type Session } from '../session.ts'

/** `kiln dns zone …` */
export function defineDnsZone(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List private zones')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeDnsZones', {})
      await printListing(session, output, {
        answer,
        rows: answer.Zones,
        empty: 'No private zones. `kiln dns zone create` makes one.',
        columns: [
          { title: 'ZONE', value: (row) => row.ZoneId },
          { title: 'NAME', value: (row) => row.Name },
          { title: 'RECORDS', value: (row) => String(row.RecordCount) },
          { title: 'VPCS', value: (row) => row.VpcIds.join(' ') },
          { title: 'OF', value: (row) => row.Source },
        ],
      })
    },
  )
  const create = command
    .command('create')
    .description('Make a private zone; prints its id')
    .argument('<name>', 'a domain: lab.internal')
    .option('--vpc <id>', 'a VPC that has it, the default one when absent; repeatable', collect)
    .action(async (name: string, { vpc }: { vpc?: string[] }) => {
      const client = clientOf(session)
      const { Zone: zone } = await client.call('KilnCreateDnsZone', {
        Name: name,
        VpcIds: vpc ?? (await defaultVpcIds(client)),
      })
      say(session, zone.ZoneId)
    })
  addExamples(create, 'kiln dns zone create lab.internal')
  command
    .command('rm')
    .description('Delete a private zone')
    .argument('<zone>', 'id or name')
    .option('--force', 'with its records')
    .action(async (name: string, { force = false }: { force?: boolean }) => {
      const client = clientOf(session)
      const { ZoneId } = await resolveZone(client, name)
      await client.call('KilnDeleteDnsZone', { ZoneId, IsForced: force })
      say(session, ZoneId)
    })
  for (const [verb, operation, what] of [
    ['associate', 'KilnAssociateDnsZone', 'Let a VPC have a zone'],
    ['disassociate', 'KilnDisassociateDnsZone', 'Let a VPC have a zone no longer'],
  ] as const) {
    command
      .command(verb)
      .description(what)
      .argument('<zone>', 'id or name')
      .argument('<vpc>', 'id')
      .action(async (name: string, VpcId: string) => {
        const client = clientOf(session)
        const { ZoneId } = await resolveZone(client, name)
        await client.call(operation, { ZoneId, VpcId })
        say(session, ZoneId)
      })
  }
}

async function defaultVpcIds(client: KilnClient): Promise<string[]> {
  const { Vpcs: vpcs } = await client.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  return (vpcs ?? []).flatMap(({ VpcId: id }) => id ?? [])
}
