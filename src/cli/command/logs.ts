import { readFile, readlink } from 'node:fs/promises'
import type { Command } from 'commander'
import { findTail, followFile } from '../../host/follow-file.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { renderLogLine } from '../render/log-line.ts'
import { createTerminalFilter } from '../render/terminal-filter.ts'
import { printable } from '../render/text.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { addOutputOption, clientOf, hasColor, integerBetween, type OutputFormat, writeOut } from '../session.ts'
import type { Session } from '../session.ts'

interface LogsOptions {
  daemon?: boolean
  follow?: boolean
  tail?: number
  output: OutputFormat
}

/** `kiln logs` */
export function defineLogs(command: Command, session: Session): void {
  addOutputOption(command, ['table', 'json'])
    .argument('[instance]', 'id or name: what its serial console has printed')
    .option('--daemon', "the daemon's own log")
    .option('-f, --follow', 'go on with what is printed from now')
    .option('-n, --tail <lines>', 'only so many of the last lines', integerBetween(0, 1_000_000))
    .action(async (name: string | undefined, options: LogsOptions) => {
      if ((name === undefined) === (options.daemon === undefined)) {
        throw new CliError('Name an instance, or give --daemon.', { exitCode: exitCode.usage })
      }
      if (name === undefined) return printDaemonLog(session, options)
      if (options.output !== 'table') {
        throw new CliError('A console log is text: --output json goes with --daemon.', { exitCode: exitCode.usage })
      }
      await printConsoleLog(session, name, options)
    })
  addExamples(
    command,
    'kiln logs web --tail 20',
    'kiln logs web --follow',
    'kiln logs --daemon --follow',
    'kiln logs --daemon -o json | jq "select(.level >= 40)"   # lines as they are written',
  )
}

/** On a terminal without the escape sequences, which would be the guest's orders to it; otherwise byte for byte. */
async function printConsoleLog(session: Session, name: string, { follow, tail }: LogsOptions): Promise<void> {
  const client = clientOf(session)
  const { InstanceId = '' } = await resolveInstance(client, name)
  const filter = session.stdout.isTTY ? createTerminalFilter() : undefined
  const output = client.consoleLog(InstanceId, { tail, isFollowed: follow ?? false, signal: session.signal })
  for await (const chunk of output) await writeOut(session, filter ? filter(chunk) : chunk)
}

async function printDaemonLog(session: Session, { follow, tail, output }: LogsOptions): Promise<void> {
  const { log } = session.paths
  await requireLogFile(session)
  const from = tail === undefined ? 0 : await findTail(log, tail)
  const isColored = hasColor(session)
  const render = (line: string) => {
    if (output === 'json') return session.stdout.isTTY ? printable(line) : line
    return renderLogLine(line, isColored)
  }
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of followFile(log, { from, until: follow ? session.signal : undefined })) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) await writeOut(session, `${lines.map(render).join('\n')}\n`)
  }
  if (rest !== '') await writeOut(session, `${render(rest)}\n`)
}

/** A service manager's daemon writes to its standard output, which that one keeps. */
async function requireLogFile({ paths }: Session): Promise<void> {
  const identity = await readFile(paths.daemonFile, 'utf8').catch(() => undefined)
  const pid = identity === undefined ? undefined : (JSON.parse(identity) as { pid?: number }).pid
  const output = pid === undefined ? undefined : await readlink(`/proc/${pid}/fd/1`).catch(() => undefined)
  if (output !== undefined && output !== paths.log) {
    throw new CliError(
      `The daemon (pid ${pid}) does not write to ${paths.log}: a service manager or a terminal has its log.`,
      {
        hint: `Under systemd: journalctl --user _PID=${pid}   (as root without --user)`,
      },
    )
  }
  if (output === undefined && (await readFile(paths.log).catch(() => undefined)) === undefined) {
    throw new CliError(`There is no daemon log at ${paths.log}.`, {
      exitCode: exitCode.notFound,
      hint: 'It is written by a daemon that was started with: kiln daemon start',
    })
  }
}
