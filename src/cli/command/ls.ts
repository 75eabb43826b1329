import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../../host/clock.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { renderAge } from '../render/duration.ts'
import { paintState } from '../render/paint.ts'
import type { Column } from '../render/table.ts'
import { type InstanceRecord, instanceStates, listInstances, nameOf } from '../resolve/instance.ts'
import { addOutputOption, clientOf, collect, hasColor, type OutputFormat, printListing, say } from '../session.ts'
import type { Session } from '../session.ts'

interface LsOptions {
  all?: boolean
  state?: string[]
  tag?: string[]
  wide?: boolean
  quiet?: boolean
  output: OutputFormat
}

/** `kiln ls` */
export function defineLs(command: Command, session: Session): void {
  addOutputOption(command)
    .option('-a, --all', 'terminated ones too')
    .option('--state <state>', `one of ${instanceStates.join(', ')}; repeatable`, collectState)
    .option('--tag <key[=value]>', 'with this tag; repeatable', collect)
    .option('-w, --wide', 'more columns')
    .option('-q, --quiet', 'ids only')
    .action(async (options: LsOptions) => {
      const client = clientOf(session)
      const instances = await listInstances(client, { Filters: filtersOf(options) })
      const shown = instances.filter(
        (instance) => options.all || options.state || instance.State?.Name !== 'terminated',
      )
      if (options.quiet) return shown.forEach((instance) => say(session, instance.InstanceId ?? ''))
      const isTable = options.output === 'table'
      const imageNames = isTable && shown.length > 0 ? await readImageNames(client) : new Map<string, string>()
      await printListing(session, options.output, {
        answer: { Reservations: shown.map((instance) => ({ Instances: [instance] })) },
        rows: shown,
        empty: 'No instances. Launch one with: kiln run nano',
        columns: columnsOf(session, options, imageNames),
      })
    })
  addExamples(
    command,
    'kiln ls',
    'kiln ls --state running --tag role=web',
    'kiln ls --output json | jq -r ".Reservations[].Instances[].InstanceId"',
    'kiln rm $(kiln ls -q --tag lab)',
  )
}

function columnsOf(
  session: Session,
  { wide }: LsOptions,
  imageNames: ReadonlyMap<string, string>,
): Column<InstanceRecord>[] {
  const now = systemClock.now()
  const isColored = hasColor(session)
  return [
    { title: 'NAME', value: nameOf },
    { title: 'ID', value: (row) => row.InstanceId },
    {
      title: 'STATE',
      value: (row) => row.State?.Name,
      ...(isColored ? { paint: (text: string, row: InstanceRecord) => paintState(text, row.State?.Name) } : {}),
    },
    { title: 'TYPE', value: (row) => row.InstanceType },
    { title: 'IMAGE', value: (row) => imageNames.get(row.ImageId ?? '') ?? row.ImageId },
    { title: 'PUBLIC IP', value: (row) => row.PublicIpAddress },
    { title: 'PRIVATE IP', value: (row) => row.PrivateIpAddress },
    { title: 'AGE', value: (row) => renderAge(row.LaunchTime, now) },
    ...(wide ? wideColumns : []),
  ]
}

const wideColumns: Column<InstanceRecord>[] = [
  { title: 'IPV6', value: (row) => row.Ipv6Address },
  { title: 'ZONE', value: (row) => row.Placement?.AvailabilityZone },
  { title: 'KEY', value: (row) => row.KeyName },
  { title: 'GROUPS', value: (row) => row.SecurityGroups?.map((group) => group.GroupName).join(' ') },
  { title: 'SUBNET', value: (row) => row.SubnetId },
  { title: 'LAUNCHED', value: (row) => row.LaunchTime },
]

async function readImageNames(client: KilnClient): Promise<Map<string, string>> {
  const { Images } = await client.call('DescribeImages', {})
  return new Map((Images ?? []).flatMap(({ ImageId, Name }) => (ImageId && Name ? [[ImageId, Name]] : [])))
}

function filtersOf({ state, tag }: LsOptions): { Name: string; Values: string[] }[] {
  return [...(state ? [{ Name: 'instance-state-name', Values: state }] : []), ...(tag ?? []).map(filterOfTag)]
}

/** A backslash takes the meaning of EC2's wildcards away. */
function filterOfTag(text: string): { Name: string; Values: string[] } {
  const end = text.indexOf('=')
  const plain = (value: string) => value.replace(/[*?\\]/g, '\\$&')
  return end < 0
    ? { Name: 'tag-key', Values: [plain(text)] }
    : { Name: `tag:${text.slice(0, end)}`, Values: [plain(text.slice(end + 1))] }
}

function collectState(value: string, earlier: string[] | undefined): string[] {
  const states = value.split(',')
  const unknown = states.find((state) => !(instanceStates as readonly string[]).includes(state))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no state ${unknown}.`)
  return [...(earlier ?? []), ...states]
}
