import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { UsageDescription } from '../../api/kiln/usage.ts'
import type { KilnClient } from '../client.ts'
import { addExamples } from '../help.ts'
import { measureUsage, type MeasuredUsage, renderUsage, type UsageOrder, usageOrders } from '../render/usage.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { addOutputOption, clientOf, integerBetween, type OutputFormat, printAnswer, type Session } from '../session.ts'

interface TopOptions {
  once?: boolean
  interval: number
  sort: UsageOrder
  wide?: boolean
  output: OutputFormat
}

/** How long is looked before the first figures: rates need two looks. */
const firstLookMs = 1000
const home = '\u001b[H'
const eraseLine = '\u001b[K'
const eraseBelow = '\u001b[J'

/** `kiln top` */
export function defineTop(command: Command, session: Session): void {
  addOutputOption(command)
    .argument('[instance...]', 'ids or names; all that run, of all regions, when absent')
    .option('--once', 'print it once; JSON and YAML are printed once anyway')
    .option('--interval <seconds>', 'from one look to the next', integerBetween(1, 3600), 2)
    .addOption(
      new Option('--sort <column>', 'what the first line has most of').choices(usageOrders).default('pss' as const),
    )
    .option('-w, --wide', 'more columns')
    .addHelpText(
      'after',
      `
GUEST is what the guest takes for its memory, RSS what of it and of QEMU itself is in the host's, PSS the same with each page that several
have counted in parts, SHARED what others have too. CPU counts processors: 200% are two.`,
    )
    .action(async (names: string[], options: TopOptions) => {
      const client = clientOf(session)
      const ids = names.length === 0 ? undefined : new Set(await resolveInstanceIds(client, names))
      const looks = takeLooks(session, client, ids, options.interval * 1000)
      if (options.once || options.output !== 'table') {
        const { value: usage } = await looks.next()
        if (!usage) return
        if (options.output !== 'table') return printAnswer(session, options.output, usage)
        return void session.stdout.write(render(session, usage, options))
      }
      for await (const usage of looks) show(session, render(session, usage, options))
    })
  addExamples(
    command,
    'kiln top',
    'kiln top --sort cpu --interval 5 web db',
    'kiln top --once -o json | jq "[.Instances[].ProportionalBytes] | add"',
  )
}

/** Ends by Ctrl-C. Memory is looked at once for each figure that is shown. */
async function* takeLooks(
  { signal }: Session,
  client: KilnClient,
  ids: ReadonlySet<string> | undefined,
  intervalMs: number,
): AsyncGenerator<MeasuredUsage> {
  let before = await client.call('KilnDescribeUsage', { IncludeMemory: false })
  let pauseMs = Math.min(firstLookMs, intervalMs)
  for (;;) {
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    const after = await client.call('KilnDescribeUsage', {})
    yield measureUsage(before, only(after, ids))
    before = after
    pauseMs = intervalMs
  }
}

function only(usage: UsageDescription, ids: ReadonlySet<string> | undefined): UsageDescription {
  return ids ? { ...usage, Instances: usage.Instances.filter(({ InstanceId }) => ids.has(InstanceId)) } : usage
}

function render({ stdout }: Session, usage: MeasuredUsage, { sort, wide = false, once }: TopOptions): string {
  const screen = stdout.isTTY ? { width: stdout.columns, ...(once ? {} : { height: stdout.rows }) } : {}
  return renderUsage(usage, { order: sort, isWide: wide, ...screen })
}

/** Over what was there on a terminal, below it elsewhere. */
function show({ stdout }: Session, text: string): void {
  if (!stdout.isTTY) return void stdout.write(`${text}\n`)
  const lines = text.split('\n').map((line) => `${line}${eraseLine}`)
  stdout.write(`${home}${lines.join('\n')}${eraseBelow}`)
}
