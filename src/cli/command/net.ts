import { isIP } from 'node:net'
import type { Command } from 'commander'
import type { KilnOutputs } from '../../api/kiln-operations.ts'
import type { KilnClient } from '../client.ts'
import { CliError, ExitRequest, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { paint } from '../render/paint.ts'
import { printable } from '../render/text.ts'
import { resolveInstance } from '../resolve/instance.ts'
import {
  addOutputOption,
  clientOf,
  hasColor,
  integerBetween,
  type OutputFormat,
  printAnswer,
  say,
  type Session,
} from '../session.ts'

type Analysis = KilnOutputs['KilnAnalysePath']

interface PathOptions {
  port?: number
  protocol: string
  sourcePort?: number
  output: OutputFormat
}

const protocols = ['tcp', 'udp', 'icmp'] as const

/** `kiln net …` */
export function defineNet(command: Command, session: Session): void {
  const path = addOutputOption(command.command('path'))
    .description(
      'Show what lets packets through, or stops them, between two ends; sends none. Exits with 1 when they do not get through',
    )
    .argument(
      '<from>',
      'an instance by id or name, an interface, an EC2 Instance Connect Endpoint, an address, internet, or host',
    )
    .argument('<to>', 'the same, but for an endpoint')
    .option('--port <number>', 'of the destination; needed but for icmp', integerBetween(0, 65_535))
    .option('--protocol <name>', 'tcp, udp or icmp', 'tcp')
    .option('--source-port <number>', 'of the source; any that clients have when absent', integerBetween(0, 65_535))
    .action(async (from: string, to: string, options: PathOptions) => {
      const client = clientOf(session)
      const analysis = await client.call('KilnAnalysePath', {
        Source: await resolveEnd(client, from),
        Destination: await resolveEnd(client, to),
        Protocol: readProtocol(options.protocol),
        ...(options.port === undefined ? {} : { Port: options.port }),
        ...(options.sourcePort === undefined ? {} : { SourcePort: options.sourcePort }),
      })
      if (options.output === 'table') print(session, analysis, options.sourcePort === undefined)
      else await printAnswer(session, options.output, analysis)
      if (!analysis.IsFound) throw new ExitRequest(exitCode.failed)
    })
  addExamples(
    path,
    'kiln net path web db --port 5432',
    'kiln net path internet web --port 443',
    'kiln net path web 192.0.2.1 --port 53 --protocol udp',
    'kiln net path eice-0123456789abcdef0 web --port 22',
    'kiln net path web db --port 5432 -o json | jq .Obstacles',
  )
}

function readProtocol(text: string): (typeof protocols)[number] {
  const found = protocols.find((protocol) => protocol === text)
  if (found) return found
  throw new CliError(`${text} is no protocol that a path is looked at for.`, {
    exitCode: exitCode.usage,
    hint: `Give one of ${protocols.join(', ')}.`,
  })
}

async function resolveEnd(client: KilnClient, name: string): Promise<string> {
  if (isIP(name) !== 0 || /^(internet|host|(eni|igw|eice)-[0-9a-f]{8,17})$/.test(name)) return name
  return (await resolveInstance(client, name)).InstanceId ?? name
}

function print(session: Session, analysis: Analysis, isAnySourcePort: boolean): void {
  const { IsFound, Forward, Return, Obstacles, SourcePorts, Assumptions } = analysis
  const mark = (isPassed: boolean) => {
    if (isPassed) return 'ok  '
    return hasColor(session) ? paint('STOP', 'red') : 'STOP'
  }
  const width = Math.max(0, ...[...Forward, ...Return].map(({ Kind }) => Kind.length))
  const tell = (title: string, hops: Analysis['Forward']) => {
    if (hops.length === 0) return
    say(session, title)
    for (const { Kind, Text, IsPassed } of hops) {
      say(session, `  ${mark(IsPassed)}  ${printable(`${Kind.padEnd(width)}  ${Text}`)}`)
    }
  }
  tell('There:', Forward)
  tell('Back:', Return)
  say(session, IsFound ? 'The packets get through, and so do the answers.' : 'It does not get through:')
  for (const { Code, Message, IsOfAnswer } of Obstacles) {
    say(session, printable(`  ${Code}: ${IsOfAnswer ? 'the answer: ' : ''}${Message}`))
  }
  const isPartial =
    IsFound &&
    isAnySourcePort &&
    Forward.some(({ Kind }) => Kind === 'network-acl') &&
    SourcePorts.reduce((sum, { From, To }) => sum + To - From + 1, 0) < clientPorts
  if (isPartial) {
    const spans = SourcePorts.map(({ From, To }) => (From === To ? `${From}` : `${From}-${To}`))
    say(session, `  Only from the source's ports ${spans.join(', ')}: network ACLs stop the others.`)
  }
  for (const assumption of Assumptions) say(session, printable(`  This takes for granted that ${assumption}.`))
}

/** 32768 to 60999. */
const clientPorts = 28_232
