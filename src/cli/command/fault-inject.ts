import { type Command, InvalidArgumentError, Option } from 'commander'
import type { OperationInput } from '../../api/contract.ts'
import { defaultFaultSeconds } from '../../ec2/fault/fault.ts'
import { addExamples } from '../help.ts'
import { parseDuration } from '../../host/duration.ts'
import { resolveFaultTargets } from '../resolve/fault-target.ts'
import { clientOf, integerBetween, say, type Session } from '../session.ts'

type FaultInput = OperationInput<'KilnInjectFault'>

interface CommonOptions {
  readonly for: number
}

/** Each kind has its own. */
interface KindOptions {
  readonly ms?: number
  readonly jitter?: number
  readonly percent?: number
  readonly kbit?: number
  readonly mode?: 'timeout' | 'refused' | 'error'
}

const targetHelp = 'instances and security groups by id or name; interfaces, subnets and VPCs by id'

/** `kiln fault inject …` */
export function defineFaultInject(command: Command, session: Session): void {
  command.description('Make something go wrong for a while')

  onTargets(command.command('delay'), session, {
    description: 'Let what comes to them arrive late',
    addOptions: (own) =>
      own
        .requiredOption('--ms <milliseconds>', 'how late', integerBetween(1, 60_000))
        .option('--jitter <milliseconds>', 'how far that varies to either side', integerBetween(1, 60_000)),
    read: ({ ms, jitter }) => ({ Kind: 'delay', DelayMs: ms, JitterMs: jitter }),
  })
  onTargets(command.command('loss'), session, {
    description: 'Lose some of their packets, in each direction',
    addOptions: (own) => own.requiredOption('--percent <number>', 'how many of a hundred', numberBetween(0.01, 100)),
    read: ({ percent }) => ({ Kind: 'loss', LossPercent: percent }),
  })
  onTargets(command.command('rate'), session, {
    description: 'Let no more than that pass, in each direction',
    addOptions: (own) => own.requiredOption('--kbit <number>', 'kilobits a second', integerBetween(8, 100_000_000)),
    read: ({ kbit }) => ({ Kind: 'rate', RateKbitPerSecond: kbit }),
  })
  onTargets(command.command('dns'), session, {
    description: "Have the VPC's resolver not answer them",
    addOptions: (own) => own.addOption(modeOption(['timeout', 'refused'])),
    read: ({ mode }) => ({ Kind: 'dns', Mode: mode }),
  })
  onTargets(command.command('metadata'), session, {
    description: 'Have the metadata service not answer them, or by errors (503)',
    addOptions: (own) => own.addOption(modeOption(['timeout', 'error'])),
    read: ({ mode }) => ({ Kind: 'metadata', Mode: mode }),
  })
  definePartition(command.command('partition'), session)
  defineApi(command.command('api'), session)
  addExamples(
    command,
    'kiln fault inject delay db --ms 200 --jitter 50 --for 5m',
    'kiln fault inject loss web db --percent 3',
    'kiln fault inject partition web --from db --for 30s',
    'kiln fault inject api --per-second 1 --for 1m',
  )
}

/** What all faults of resources have in common. */
function onTargets(
  command: Command,
  session: Session,
  kind: {
    readonly description: string
    readonly addOptions: (command: Command) => Command
    readonly read: (options: KindOptions) => FaultInput
  },
): void {
  command.description(kind.description).argument('<target...>', targetHelp)
  addDuration(kind.addOptions(command)).action(async (names: string[], options: KindOptions & CommonOptions) => {
    const targets = await resolveFaultTargets(clientOf(session), names)
    await inject(session, { ...kind.read(options), Targets: targets }, options)
  })
}

function definePartition(command: Command, session: Session): void {
  addDuration(
    command
      .description('Let no packet pass between two sides, nor in connections that stand')
      .argument('<target...>', targetHelp)
      .requiredOption('--from <target...>', 'the other side'),
  ).action(async (names: string[], options: CommonOptions & { from: string[] }) => {
    const client = clientOf(session)
    const input: FaultInput = {
      Kind: 'partition',
      Targets: await resolveFaultTargets(client, names),
      Against: await resolveFaultTargets(client, options.from),
    }
    await inject(session, input, options)
  })
}

function defineApi(command: Command, session: Session): void {
  addDuration(
    command
      .description('Throttle the EC2 API: what exceeds the rate is RequestLimitExceeded; kiln itself is not throttled')
      .requiredOption('--per-second <number>', 'calls that may be made; 0 refuses all', numberBetween(0, 10_000)),
  ).action(async (options: CommonOptions & { perSecond: number }) => {
    await inject(session, { Kind: 'api', RequestsPerSecond: options.perSecond }, options)
  })
}

async function inject(session: Session, input: FaultInput, options: CommonOptions): Promise<void> {
  const { Fault: fault } = await clientOf(session).call('KilnInjectFault', { ...input, DurationSeconds: options.for })
  say(session, `${fault.FaultId} lasts until ${fault.EndsAt}`)
}

function addDuration(command: Command): Command {
  return command.option('--for <duration>', 'how long, at most a day: 30s, 10m, 2h', readDuration, defaultFaultSeconds)
}

function readDuration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds >= 1 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Expected 30s, 10m, 2h and the like, a day at most.')
}

function numberBetween(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = text.trim() === '' ? Number.NaN : Number(text)
    if (number >= minimum && number <= maximum) return number
    throw new InvalidArgumentError(`Expected a number from ${minimum} to ${maximum}.`)
  }
}

function modeOption(choices: readonly [string, string]): Option {
  return new Option('--mode <mode>', 'how').choices(choices).default(choices[0])
}
