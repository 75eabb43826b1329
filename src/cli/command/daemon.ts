import type { Command } from 'commander'
import type { DaemonStatus } from '../../api/kiln/daemon.ts'
import { becomeDaemon, findDaemon, refuseWrongConfiguration, startDaemon, stopDaemon } from '../daemon-process.ts'
import { addExamples } from '../help.ts'
import { renderServiceUnit } from '../render/service-unit.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printAnswer, say, type Session } from '../session.ts'

/** `kiln daemon …` */
export function defineDaemon(command: Command, session: Session): void {
  command
    .command('start')
    .description('Start the daemon')
    .option('--foreground', 'stay attached, for a service manager')
    .action(async ({ foreground }: { foreground?: boolean }) => {
      if (foreground) return await becomeDaemon(session)
      const { wasRunning } = await startDaemon(session)
      await tellDaemon(session, wasRunning ? 'was already running' : 'runs')
    })
  command
    .command('stop')
    .description('End the daemon; machines go on')
    .option('--machines', 'stop the machines too')
    .action(async ({ machines = false }: { machines?: boolean }) => {
      await stopDaemon(session, machines)
      say(session, machines ? 'The daemon and its machines have ended.' : 'The daemon has ended; machines go on.')
    })
  command
    .command('restart')
    .description('End the daemon if it runs, and start it; machines go on')
    .action(async () => {
      if (await findDaemon(session)) {
        await refuseWrongConfiguration(session)
        await stopDaemon(session, false)
      }
      await startDaemon(session)
      await tellDaemon(session, 'runs')
    })
  addOutputOption(
    command.command('status').description('Tell how the daemon is; exit code 3 when it does not run'),
  ).action(async ({ output }: { output: OutputFormat }) => {
    const status = await clientOf(session).call('KilnGetStatus', {})
    if (output !== 'table') return await printAnswer(session, output, status)
    for (const line of describeStatus(status)) say(session, line)
  })
  addExamples(
    command.command('unit').description('Print a systemd user unit for the daemon'),
    'kiln daemon unit > ~/.config/systemd/user/kiln.service',
    'systemctl --user enable --now kiln',
  ).action(async () => void session.stdout.write(await renderServiceUnit(session)))
}

async function tellDaemon(session: Session, how: string): Promise<void> {
  const status = await clientOf(session).call('KilnGetStatus', {})
  say(session, `The daemon ${how} (pid ${status.Pid}), endpoint ${status.EndpointUrl}`)
  for (const warning of status.Warnings) note(session, warning)
}

function describeStatus(status: DaemonStatus): string[] {
  const { Capacity: capacity, Accelerator: accelerator } = status
  const counts = Object.entries(status.InstanceCounts).map(([state, count]) => `${count} ${state}`)
  const proof = accelerator.IsProven ? '' : ', not proven yet'
  const rows: [string, string][] = [
    ['Daemon', `version ${status.Version}, pid ${status.Pid}, up ${describeDuration(status.StartedAt)}`],
    ['Health', status.Health],
    ['Endpoint', status.EndpointUrl],
    ...(status.SerialConsole
      ? [
          ['Serial consoles', `ssh -p ${status.SerialConsole.Port} i-….port0@${status.SerialConsole.Address}`] as [
            string,
            string,
          ],
        ]
      : []),
    ['State', status.StateDirectory],
    ['Public addresses', status.PublicCidr],
    ['Accelerator', `${accelerator.Name}${proof}: ${accelerator.Reason}`],
    ['Processors', `${capacity.UsedVCpus} of ${capacity.VCpus} given`],
    ['Memory', `${capacity.UsedMemoryMib} of ${capacity.MemoryMib} MiB given`],
    ['Instances', counts.join(', ') || 'none'],
    ...status.Warnings.map((warning): [string, string] => ['Warning', warning]),
  ]
  return rows.map(([name, value]) => `${name.padEnd(18)}${value}`)
}

function describeDuration(since: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}
