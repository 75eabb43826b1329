import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Argument, Command, CommanderError } from 'commander'
import { projectRoot } from '../host/installation.ts'
import { exitCode, ExitRequest, explainFailure } from './failure.ts'
import { addExamples } from './help.ts'
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
    name: 'aws-profile',
    summary: 'Write a profile for AWS tools',
    load: async () => (await import('./command/aws-profile.ts')).defineAwsProfile,
  },
  {
    name: 'access-key',
    summary: 'Manage access keys and accounts',
    load: async () => (await import('./command/access-key.ts')).defineAccessKey,
  },
  {
    name: 'audit',
    summary: 'Show who changed what, and who was refused',
    load: async () => (await import('./command/audit.ts')).defineAudit,
  },
  {
    name: 'image',
    summary: 'List, build, pull, push, import, export, store and delete images',
    load: async () => (await import('./command/image.ts')).defineImage,
  },
  {
    name: 'snapshot',
    summary: 'List, take, archive, import, export and delete snapshots',
    load: async () => (await import('./command/snapshot.ts')).defineSnapshot,
  },
  {
    name: 'bucket',
    summary: 'Show what lies in the buckets of the configuration',
    load: async () => (await import('./command/bucket.ts')).defineBucket,
  },
  {
    name: 'disk',
    summary: 'Show what lies on the disk, and check that it is as it was',
    load: async () => (await import('./command/disk.ts')).defineDisk,
  },
  {
    name: 'lifecycle',
    summary: 'Make backups and clean images up by policies',
    load: async () => (await import('./command/lifecycle.ts')).defineLifecycle,
  },
  {
    name: 'marketplace',
    summary: 'List products, and subscribe to them',
    load: async () => (await import('./command/marketplace.ts')).defineMarketplace,
  },
  {
    name: 'recycle-bin',
    summary: 'Keep what is deleted for a while, and restore it',
    load: async () => (await import('./command/recycle-bin.ts')).defineRecycleBin,
  },
  {
    name: 'pipeline',
    summary: 'Build, test and distribute images by pipelines',
    load: async () => (await import('./command/pipeline.ts')).definePipeline,
  },
  {
    name: 'registry',
    summary: 'Log in to registries of images',
    load: async () => (await import('./command/registry.ts')).defineRegistry,
  },
  {
    name: 'run',
    summary: 'Launch instances from an image',
    load: async () => (await import('./command/run.ts')).defineRun,
  },
  { name: 'ls', summary: 'List instances', load: async () => (await import('./command/ls.ts')).defineLs },
  {
    name: 'top',
    summary: 'Watch what running instances take of this host',
    load: async () => (await import('./command/top.ts')).defineTop,
  },
  {
    name: 'describe',
    summary: 'Show everything about an instance, image, volume, key pair or group',
    load: async () => (await import('./command/describe.ts')).defineDescribe,
  },
  {
    name: 'start',
    summary: 'Start stopped instances',
    load: async () => (await import('./command/power.ts')).defineStart,
  },
  { name: 'stop', summary: 'Stop instances', load: async () => (await import('./command/power.ts')).defineStop },
  {
    name: 'suspend',
    summary: 'Stop instances and keep their memory',
    load: async () => (await import('./command/power.ts')).defineSuspend,
  },
  {
    name: 'resume',
    summary: 'Let suspended instances go on where they were',
    load: async () => (await import('./command/power.ts')).defineResume,
  },
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
  {
    name: 'cp',
    summary: 'Copy files from and to instances',
    load: async () => (await import('./command/cp.ts')).defineCp,
  },
  {
    name: 'tunnel',
    summary: 'Reach ports of an instance at this host',
    load: async () => (await import('./command/tunnel.ts')).defineTunnel,
  },
  {
    name: 'socks',
    summary: 'Reach all of a VPC by a SOCKS proxy at this host',
    load: async () => (await import('./command/socks.ts')).defineSocks,
  },
  {
    name: 'ssh-config',
    summary: 'Print settings for ssh, rsync and Ansible',
    load: async () => (await import('./command/ssh-config.ts')).defineSshConfig,
  },
  {
    name: 'dns',
    summary: 'List names of instances for this host, and manage private zones',
    load: async () => (await import('./command/dns.ts')).defineDns,
  },
  {
    name: 'logs',
    summary: 'Show what a console or the daemon has printed',
    load: async () => (await import('./command/logs.ts')).defineLogs,
  },
  {
    name: 'events',
    summary: 'Show what happens',
    load: async () => (await import('./command/events.ts')).defineEvents,
  },
  {
    name: 'net',
    summary: 'Show which packets get through',
    load: async () => (await import('./command/net.ts')).defineNet,
  },
  {
    name: 'flow-logs',
    summary: 'List flow logs, or show what passes network interfaces',
    load: async () => (await import('./command/flow-logs.ts')).defineFlowLogs,
  },
  {
    name: 'metadata',
    summary: 'Print what verifies identity documents',
    load: async () => (await import('./command/metadata.ts')).defineMetadata,
  },
  {
    name: 'completion',
    summary: 'Print completions for a shell',
    load: async () => (await import('./command/completion.ts')).defineCompletion,
  },
  {
    name: 'complete',
    summary: 'Complete a command line',
    isHidden: true,
    load: async () => (await import('./command/complete.ts')).defineComplete,
  },
  {
    name: 'fault',
    summary: 'Let something go wrong, to see how servers take it',
    load: async () => (await import('./command/fault.ts')).defineFault,
  },
  { name: 'key', summary: 'Manage key pairs', load: async () => (await import('./command/key.ts')).defineKey },
  { name: 'sg', summary: 'Manage security groups', load: async () => (await import('./command/sg.ts')).defineSg },
  { name: 'type', summary: 'List instance types', load: async () => (await import('./command/type.ts')).defineType },
  {
    name: 'plan',
    summary: 'Show what `up` would change in a lab',
    load: async () => (await import('./command/plan.ts')).definePlan,
  },
  {
    name: 'up',
    summary: 'Bring a lab to what its manifest says',
    load: async () => (await import('./command/up.ts')).defineUp,
  },
  {
    name: 'down',
    summary: 'Delete everything that a lab has made',
    load: async () => (await import('./command/down.ts')).defineDown,
  },
  { name: 'ps', summary: 'List the instances of a lab', load: async () => (await import('./command/ps.ts')).definePs },
]

/** Runs one command line and returns its exit code; never throws, never prints a stack. */
export async function runCli(argv: readonly string[], session: Session): Promise<number> {
  const program = await createProgram(session, (name) => argv.includes(name))
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

/** The whole command line; only the wanted commands have their arguments and options. */
export async function createProgram(session: Session, isWanted: (name: string) => boolean): Promise<Command> {
  const program = new Command('kiln')
    .description('A real EC2 on one Linux machine')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map((argument) => termOf(argument))].join(' '),
    })
    .configureOutput({
      writeOut: (text) => void session.stdout.write(text),
      writeErr: (text) => void session.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'kiln: ')),
      getOutHelpWidth: () => session.stdout.columns ?? 80,
      getErrHelpWidth: () => session.stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  program.addHelpText('after', exitCodeHelp)
  addExamples(
    program,
    'kiln daemon start',
    'kiln image build nano',
    'kiln run nano --name web --wait ssh',
    'kiln ssh web uname -a',
  )
  for (const entry of entries) {
    const command = program.command(entry.name, { hidden: entry.isHidden ?? false }).copyInheritedSettings(program)
    command.summary(entry.summary).description(entry.summary)
    if (isWanted(entry.name)) (await entry.load())(command, session)
    for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
      leaf.helpOption('-h, --help', 'print help').showHelpAfterError(`See: ${pathOf(leaf)} --help`)
      leaf.option('--region <name>', 'region to work in (AWS_REGION)')
      leaf.option('--account <id>', 'account to work in (KILN_ACCOUNT)')
      leaf.option('--no-color', 'no colours (NO_COLOR)')
    }
  }
  program.hook('preAction', (_program, action) => {
    const { region, account, color } = action.opts<{ region?: string; account?: string; color?: boolean }>()
    if (region) session.region = region
    if (account) session.account = account
    if (color === false) session.isColorless = true
  })
  return program
}

function termOf(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name()
  return argument.required ? `<${name}>` : `[${name}]`
}

/** `kiln image ls` and the like. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

function readVersion(): string {
  const text = readFileSync(join(projectRoot, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the daemon is not running, 4 not found, 5 the name is ambiguous,
6 plan --detailed-exitcode: something would change, 130 interrupted; ssh and cp pass on the code of what they ran.`
