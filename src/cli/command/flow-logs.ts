import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { FlowDescription } from '../../api/kiln/flow.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { addOutputOption, clientOf, hasColor, note, type OutputFormat, printListing, type Session } from '../session.ts'

interface FlowOptions {
  follow?: boolean
  reject?: boolean
  output: OutputFormat
}

const pollIntervalMs = 1000

/** `kiln flow-logs` */
export function defineFlowLogs(command: Command, session: Session): void {
  addOutputOption(command)
    .argument('[resource...]', 'VPCs, subnets, interfaces, or instances by id or name; everything when absent')
    .option('-f, --follow', 'show what passes from now on, flow log or not, as records of the default format')
    .option('--reject', 'of what passes, only what security groups and network ACLs stop')
    .action(async (names: string[], options: FlowOptions) => {
      const client = clientOf(session)
      const ids = await Promise.all(names.map((name) => resolveResource(client, name)))
      if (options.follow) return await followFlows(session, client, ids, options)
      if (options.reject) {
        throw new CliError('--reject is for what passes now.', {
          exitCode: exitCode.usage,
          hint: 'Add --follow.',
        })
      }
      await list(session, client, ids, options.output)
    })
  addExamples(
    command,
    'kiln flow-logs                  # the flow logs that there are',
    'kiln flow-logs -f web --reject  # what is stopped at the instance web, as it comes',
    'kiln flow-logs -f -o json | jq -r .Flow.SourceAddress',
  )
}

async function resolveResource(client: KilnClient, name: string): Promise<string> {
  if (/^(vpc|subnet|eni)-[0-9a-f]{8,17}$/.test(name)) return name
  return (await resolveInstance(client, name)).InstanceId ?? name
}

async function followFlows(
  session: Session,
  client: KilnClient,
  ids: readonly string[],
  { reject = false, output }: FlowOptions,
): Promise<void> {
  const resources = ids.length > 0 ? { ResourceIds: [...ids] } : {}
  let { LastNumber: after } = await client.call('KilnWatchFlows', resources)
  note(
    session,
    'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
  )
  while (!session.signal.aborted) {
    await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
    if (session.signal.aborted) return
    const { Records: records } = await client.call('KilnWatchFlows', { ...resources, AfterNumber: after })
    after = records.at(-1)?.Number ?? after
    for (const record of records) {
      if (reject && record.Flow?.Action === 'ACCEPT') continue
      session.stdout.write(`${output === 'table' ? render(session, record) : JSON.stringify(record)}\n`)
    }
  }
}

function render(session: Session, { Line, Flow }: FlowDescription): string {
  const line = printable(Line)
  return Flow?.Action === 'REJECT' && hasColor(session) ? paint(line, 'red') : line
}

async function list(session: Session, client: KilnClient, ids: readonly string[], output: OutputFormat): Promise<void> {
  const filter = ids.length > 0 ? { Filter: [{ Name: 'resource-id', Values: [...ids] }] } : {}
  const { FlowLogs: rows = [] } = await client.call('DescribeFlowLogs', filter)
  await printListing(session, output, {
    answer: { FlowLogs: rows },
    rows,
    empty: 'No flow logs.',
    columns: [
      { title: 'ID', value: (row) => row.FlowLogId },
      { title: 'RESOURCE', value: (row) => row.ResourceId },
      { title: 'TRAFFIC', value: (row) => row.TrafficType },
      { title: 'INTERVAL', value: (row) => `${row.MaxAggregationInterval} s` },
      { title: 'DESTINATION', value: (row) => row.LogGroupName ?? row.LogDestination },
      { title: 'DELIVERY', value: (row) => row.DeliverLogsErrorMessage ?? row.DeliverLogsStatus },
    ],
  })
}
