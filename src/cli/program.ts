import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Argument, Command, CommanderError } from 'commander'
import { projectRoot } from '../host/installation.ts'
import { commandEntries } from './command-entries.ts'
import { exitCode, ExitRequest, explainFailure } from './failure.ts'
import { addExamples } from './help.ts'
import { printable } from './render/text.ts'
import type { Session } from './session.ts'

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
  for (const entry of commandEntries) {
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
