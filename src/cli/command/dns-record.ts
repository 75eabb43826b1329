import { Argument, type Command } from 'commander'
import type { DnsRecordDescription } from '../../api/kiln/dns.ts'
import { addExamples } from '../help.ts'
import { resolveZone } from '../resolve/dns-zone.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import {
  addOutputOption,
  clientOf,
  collect,
  integerBetween,
  type OutputFormat,
  printListing,
  say,
  type Session,
} from '../session.ts'

type RecordType = DnsRecordDescription['Type']

const types = ['A', 'AAAA', 'CNAME', 'TXT', 'SRV'] as const satisfies readonly RecordType[]

interface SetOptions {
  ttl?: number
  instance?: string[]
}

/** `kiln dns record …` */
export function defineDnsRecord(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List the records of a zone'))
    .argument('<zone>', 'id or name')
    .action(async (name: string, { output }: { output: OutputFormat }) => {
      const client = clientOf(session)
      const { ZoneId } = await resolveZone(client, name)
      const answer = await client.call('KilnDescribeDnsRecords', { ZoneId })
      await printListing(session, output, {
        answer,
        rows: answer.Records,
        empty: 'No records. `kiln dns record set` makes one.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'TYPE', value: (row) => row.Type },
          { title: 'TTL', value: (row) => String(row.Ttl) },
          { title: 'VALUES', value: (row) => (row.InstanceIds ?? row.Values).join(' ') },
        ],
      })
    })
  const set = command
    .command('set')
    .description('Make a record or replace it')
    .argument('<zone>', 'id or name')
    .argument('<name>', 'in the zone, or whole; @ is the zone itself, *.apps all that has no record of its own')
    .addArgument(new Argument('<type>', 'of the record').choices(types))
    .argument('[value...]', 'addresses; a name; texts; "priority weight port target"')
    .option('--ttl <seconds>', 'how long answers may be kept', integerBetween(0, 2_147_483_647))
    .option(
      '--instance <name>',
      'instead of values: the address of an instance, private or IPv6, as it is; repeatable',
      collect,
    )
    .action(async (zone: string, name: string, type: RecordType, values: string[], options: SetOptions) => {
      const client = clientOf(session)
      const { ZoneId } = await resolveZone(client, zone)
      const target = options.instance
        ? { InstanceIds: await resolveInstanceIds(client, options.instance) }
        : { Values: values }
      await client.call('KilnChangeDnsRecords', {
        ZoneId,
        Changes: [
          {
            Action: 'upsert',
            Name: name,
            Type: type,
            ...target,
            ...(options.ttl === undefined ? {} : { Ttl: options.ttl }),
          },
        ],
      })
      say(session, name)
    })
  addExamples(
    set,
    'kiln dns record set lab.internal web A --instance web',
    'kiln dns record set lab.internal web AAAA --instance web',
    'kiln dns record set lab.internal _db._tcp SRV "0 10 5432 db.lab.internal"',
  )
  command
    .command('rm')
    .description('Delete a record')
    .argument('<zone>', 'id or name')
    .argument('<name>', 'in the zone, or whole')
    .addArgument(new Argument('<type>', 'of the record').choices(types))
    .action(async (zone: string, name: string, type: RecordType) => {
      const client = clientOf(session)
      const { ZoneId } = await resolveZone(client, zone)
      await client.call('KilnChangeDnsRecords', {
        ZoneId,
        Changes: [{ Action: 'delete', Name: name, Type: type }],
      })
      say(session, name)
    })
}
