import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { type DnsHint, dnsHints } from '../render/dns-hint.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, type Session } from '../session.ts'
import { defineDnsRecord } from './dns-record.ts'
import { defineDnsZone } from './dns-zone.ts'

/** `kiln dns …` */
export function defineDns(command: Command, session: Session): void {
  defineLs(command.command('ls'), session)
  defineHint(command.command('hint'), session)
  defineDnsZone(command.command('zone').description('Private zones: names that only their VPCs know'), session)
  defineDnsRecord(command.command('record').description('Records of private zones'), session)
}

function defineLs(command: Command, session: Session): void {
  addOutputOption(command.description('List the names that this host may ask the daemon for')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeHostNames', {})
      const rows = answer.Zones.flatMap(({ Records: records }) => records)
      await printListing(session, output, {
        answer,
        rows,
        empty: 'No names: they are those of the account of the daemon.',
        columns: [
          { title: 'NAME', value: (row) => row.Name },
          { title: 'TYPE', value: (row) => row.Type },
          { title: 'ANSWER', value: (row) => row.Values.join(' ') || 'no public address' },
        ],
      })
      if (output !== 'table') return
      if (answer.Problem !== undefined) note(session, `Nobody answers: ${answer.Problem}.`)
      else note(session, `Asked at ${answer.Address}, port ${answer.Port}, UDP and TCP. \`kiln dns hint\` says how.`)
    },
  )
}

function defineHint(command: Command, session: Session): void {
  command
    .description("Print what makes this host's resolver ask the daemon")
    .argument('[resolver]', `${Object.keys(dnsHints).join(', ')}; all of them when absent`)
    .action(async (resolver: string | undefined) => {
      const names = Object.keys(dnsHints) as DnsHint[]
      const chosen = names.filter((name) => resolver === undefined || name === resolver)
      if (chosen.length === 0) throw new CliError(`${resolver} is not known: ${names.join(', ')}.`)
      const {
        Address: address,
        Port: port,
        Problem: problem,
        Zones: zones,
      } = await clientOf(session).call('KilnDescribeHostNames', {})
      if (problem !== undefined) throw new CliError(`Nobody answers: ${problem}.`)
      // Names of single addresses are zones by themselves; nobody routes these.
      const domains = zones.map(({ Name }) => Name).filter((name) => !/\.(amazonaws\.com|in-addr\.arpa)$/.test(name))
      const texts = chosen.map((name) => dnsHints[name]({ address, port, domains }).join('\n'))
      session.stdout.write(`${texts.join('\n\n')}\n`)
    })
  addExamples(command, 'kiln dns hint systemd-resolved', 'dig @127.80.0.2 -p 5300 web.kiln')
}
