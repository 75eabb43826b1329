import { Argument, type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../../host/clock.ts'
import { parseDuration } from '../../host/duration.ts'
import { addExamples } from '../help.ts'
import { resolveInstanceIds } from '../resolve/instance.ts'
import { clientOf, say, type Session } from '../session.ts'

const codes = [
  'instance-reboot',
  'system-reboot',
  'system-maintenance',
  'instance-retirement',
  'instance-stop',
] as const
const longestSeconds = 366 * 86_400

interface EventOptions {
  readonly in: number
  readonly lasts: number
  readonly deadline?: number
  readonly description?: string
}

/** `kiln fault event` and `kiln fault cancel-event`: what EC2 schedules for instances when a host needs maintenance. */
export function defineInstanceEvent(command: Command, session: Session): void {
  defineEvent(command.command('event'), session)
  defineCancelEvent(command.command('cancel-event'), session)
}

function defineEvent(command: Command, session: Session): void {
  command
    .description(
      'Schedule a maintenance event: metadata and DescribeInstanceStatus tell of it, and it comes at its time',
    )
    .addArgument(new Argument('<code>', 'what happens').choices(codes))
    .argument('<instance...>', 'ids or names')
    .option('--in <duration>', 'when it comes, from now: 30s, 10m, 2h, 7d', readDuration, 600)
    .option('--lasts <duration>', 'how long it may take', readDuration, 7200)
    .option('--deadline <duration>', 'until when, from now, it may be put off', readDuration)
    .option('--description <text>', 'what is told of it')
    .action(async (code: (typeof codes)[number], names: string[], options: EventOptions) => {
      const client = clientOf(session)
      const now = systemClock.now().getTime()
      const after = (seconds: number) => new Date(now + seconds * 1000).toISOString()
      for (const InstanceId of await resolveInstanceIds(client, names)) {
        const event = await client.call('KilnScheduleInstanceEvent', {
          InstanceId,
          Code: code,
          NotBefore: after(options.in),
          NotAfter: after(options.in + options.lasts),
          ...(options.deadline === undefined ? {} : { NotBeforeDeadline: after(options.deadline) }),
          ...(options.description === undefined ? {} : { Description: options.description }),
        })
        say(session, `${InstanceId} has ${event.InstanceEventId}: ${code} at ${event.NotBefore}`)
      }
    })
  addExamples(
    command,
    'kiln fault event instance-reboot web --in 1m',
    'kiln fault event instance-stop web --in 2h --deadline 1d',
  )
}

function defineCancelEvent(command: Command, session: Session): void {
  command
    .description('Take maintenance events back that have not come yet')
    .argument('<instance...>', 'ids or names')
    .option('--event <id>', 'only this one')
    .action(async (names: string[], { event }: { event?: string }) => {
      const client = clientOf(session)
      for (const InstanceId of await resolveInstanceIds(client, names)) {
        const cancelled = await client.call('KilnCancelInstanceEvents', {
          InstanceId,
          ...(event === undefined ? {} : { InstanceEventId: event }),
        })
        for (const id of cancelled.InstanceEventIds) say(session, `${id} of ${InstanceId} is canceled`)
      }
    })
  addExamples(command, 'kiln fault cancel-event web')
}

function readDuration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined && seconds <= longestSeconds) return seconds
  throw new InvalidArgumentError('Expected 30s, 10m, 2h, 7d and the like, a year at most.')
}
