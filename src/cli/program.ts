import { Command, CommanderError } from 'commander'
import { exitCode, ExitRequest, explainFailure } from './failure.ts'
import { printable } from './render/text.ts'
import type { Session } from './session.ts'

interface Entry {
  readonly name: string
  readonly summary: string
  readonly isHidden?: boolean
  load(): Promise<(command: Command, session: Session) => void>
}

/** Every command; only the one that is called is loaded. */
const entries: readonly Entry[] = [
  {
    name: 'daemon',
    summary: 'Start, stop and watch the daemon',
    load: async () => (await import('./command/daemon.ts')).defineDaemon,
  },
  {
    name: 'doctor',
    summary: 'Check this host and say how to mend it',
    load: async () => (await import('./command/doctor.ts')).defineDoctor,
  },
  {
    name: 'env',
    summary: 'Print settings for AWS tools',
    load: async () => (await import('./command/env.ts')).defineEnv,
  },
  {
    name: 'image',
    summary: 'List, build, pull, import and delete images',
    load: async () => (await import('./command/image.ts')).defineImage,
  },
  {
    name: 'run',
    summary: 'Launch instances from an image',
    load: async () => (await import('./command/run.ts')).defineRun,
  },
  { name: 'ls', summary: 'List instances', load: async () => (await import('./command/ls.ts')).defineLs },
  {
    name: 'describe',
    summary: 'Show everything about an instance',
    load: async () => (await import('./command/describe.ts')).defineDescribe,
  },
  {
    name: 'start',
    summary: 'Start stopped instances',
    load: async () => (await import('./command/power.ts')).defineStart,
  },
  { name: 'stop', summary: 'Stop instances', load: async () => (await import('./command/power.ts')).defineStop },
  { name: 'reboot', summary: 'Reboot instances', load: async () => (await import('./command/power.ts')).defineReboot },
  { name: 'rm', summary: 'Terminate instances', load: async () => (await import('./command/rm.ts')).defineRm },
  {
    name: 'ssh',
    summary: 'Log in to an instance, or run a command there',
    load: async () => (await import('./command/ssh.ts')).defineSsh,
  },
  {
    name: 'dial',
    summary: 'Connect to a port of an instance',
    isHidden: true,
    load: async () => (await import('./command/dial.ts')).defineDial,
  },
  {
    name: 'console',
    summary: 'Show or use the serial console',
    load: async () => (await import('./command/console.ts')).defineConsole,
  },
]

/** Runs one command line and returns its exit code; never throws, never prints a stack. */
export async function runCli(argv: readonly string[], session: Session): Promise<number> {
  const program = await createProgram(argv, session)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return session.signal.aborted ? exitCode.interrupted : exitCode.ok
  } catch (error) {
    if (error instanceof ExitRequest) return error.exitCode
    if (error instanceof CommanderError) {
      const isHelp = ['commander.helpDisplayed', 'commander.version'].includes(error.code)
      return isHelp ? exitCode.ok : exitCode.usage
    }
    if (session.signal.aborted) return exitCode.interrupted
    const failure = explainFailure(error)
    session.stderr.write(`kiln: ${printable(failure.message)}\n`)
    if (failure.hint) session.stderr.write(`      ${printable(failure.hint)}\n`)
    return failure.exitCode
  }
}

async function createProgram(argv: readonly string[], session: Session): Promise<Command> {
  const program = new Command('kiln')
    .description('A real EC2 on one Linux machine')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void session.stdout.write(text),
      writeErr: (text) => void session.stderr.write(text),
    })
    .addHelpText('after', exitCodeHelp)
  const wanted = new Set(argv)
  for (const entry of entries) {
    const command = program.command(entry.name, { hidden: entry.isHidden ?? false }).copyInheritedSettings(program)
    command.summary(entry.summary).description(entry.summary)
    if (wanted.has(entry.name)) (await entry.load())(command, session)
    for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
      leaf.option('--region <name>', 'region to work in (AWS_REGION)')
    }
  }
  program.hook('preAction', (_program, action) => {
    const { region } = action.opts<{ region?: string }>()
    if (region) session.region = region
  })
  return program
}

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the daemon is not running, 4 not found, 5 the name is ambiguous,
130 interrupted; ssh passes on the code of what it ran.

Examples:
  kiln daemon start
  kiln image build nano
  kiln run nano --name web --wait ssh
  kiln ssh web -- uname -a`
