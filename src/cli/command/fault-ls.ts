import type { Command } from 'commander'
import type { FaultDescription } from '../../api/kiln/fault.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, say, type Session } from '../session.ts'

/** `kiln fault ls` */
export function defineFaultLs(command: Command, session: Session): void {
  addOutputOption(command.description('List the faults that last')).action(
    async ({ output }: { output: OutputFormat }) => {
      const answer = await clientOf(session).call('KilnDescribeFaults', {})
      await printListing(session, output, {
        answer,
        rows: answer.Faults,
        empty: 'Nothing goes wrong on purpose.',
        columns: [
          { title: 'ID', value: (row) => row.FaultId },
          { title: 'NAME', value: (row) => row.Name },
          { title: 'KIND', value: (row) => row.Kind },
          { title: 'HOW', value: describeEffect },
          { title: 'ON', value: (row) => row.Targets.join(' ') || undefined },
          { title: 'UNTIL', value: (row) => row.EndsAt.slice(0, 19).replace('T', ' ') },
        ],
      })
    },
  )
}

/** `kiln fault clear` */
export function defineFaultClear(command: Command, session: Session): void {
  command
    .description('End faults before their time')
    .argument('[id...]', 'ids or names of faults')
    .option('--all', 'all that last')
    .action(async (names: string[], { all = false }: { all?: boolean }) => {
      if (names.length > 0 === all) throw new CliError('Name the faults, or give --all.', { exitCode: exitCode.usage })
      const client = clientOf(session)
      const { Faults: faults } = await client.call('KilnDescribeFaults', {})
      const chosen = all ? faults : names.flatMap((name) => findFaults(faults, name))
      const ids = [...new Set(chosen.map(({ FaultId }) => FaultId))]
      if (ids.length === 0) return note(session, 'Nothing goes wrong on purpose.')
      await client.call('KilnClearFaults', { FaultIds: ids })
      for (const id of ids) say(session, id)
    })
  addExamples(command, 'kiln fault clear --all', 'kiln fault clear fault-0123456789abcdef0')
}

function findFaults(faults: readonly FaultDescription[], name: string): FaultDescription[] {
  const found = faults.filter((fault) => fault.FaultId === name || fault.Name === name)
  if (found.length > 0) return found
  throw new CliError(`There is no fault ${name}.`, {
    exitCode: exitCode.notFound,
    hint: 'It may be over. See what there is: kiln fault ls',
  })
}

function describeEffect(fault: FaultDescription): string | undefined {
  switch (fault.Kind) {
    case 'delay':
      return `${fault.DelayMs} ms${fault.JitterMs === undefined ? '' : ` ± ${fault.JitterMs} ms`}`
    case 'loss':
      return `${fault.LossPercent} %`
    case 'rate':
      return `${fault.RateKbitPerSecond} kbit/s`
    case 'partition':
      return `from ${fault.Against?.join(' ')}`
    case 'api':
      return `${fault.RequestsPerSecond} calls/s`
    case 'dns':
    case 'metadata':
      return fault.Mode
  }
}
