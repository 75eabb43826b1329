import type { Command } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { statePathsOf } from '../../src/host/state-paths.ts'

const columns = 110

/** docs/reference/cli.md: what `--help` says of each command, from the commands' own definitions. */
export async function renderCliReference(): Promise<string> {
  let printed = ''
  const stream = { columns, write: (text: string | Uint8Array) => (printed += String(text)) }
  const program = await createProgram(
    {
      paths: statePathsOf('/'),
      environment: {},
      stdin: process.stdin,
      stdout: stream,
      stderr: stream,
      self: ['kiln'],
      signal: new AbortController().signal,
      runInForeground: async () => 0,
      region: undefined,
    },
    () => true,
  )
  const helpOf = (command: Command) => {
    printed = ''
    command.outputHelp()
    return printed.trimEnd()
  }
  const chapters = visible(program).map((command) => {
    const parts = [command, ...visible(command)].map((part) => `\`\`\`\n${helpOf(part)}\n\`\`\`\n`)
    return `## kiln ${command.name()}\n\n${parts.join('\n')}`
  })
  return [introduction, `\`\`\`\n${helpOf(program)}\n\`\`\`\n`, ...chapters].join('\n')
}

function visible(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
}

const introduction = `# The command line

Made from the commands' own help by \`npm run generate:cli-reference\`; a test holds it up to date.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed; the sentence on standard error says why |
| 2 | wrong usage: unknown command, option, argument or form |
| 3 | the daemon is not running, or ended meanwhile |
| 4 | what was named is not there |
| 5 | the name means more than one thing: give the id |
| 6 | kiln plan with --detailed-exitcode: something would change |
| 130 | interrupted by Ctrl-C; what the daemon does goes on |

\`ssh\` and \`cp\` pass on the exit code of the program they run. Results go to standard output, everything else to standard error.

| variable | meaning |
|---|---|
| \`KILN_HOME\` | state directory, and so which daemon |
| \`AWS_REGION\` | region when \`--region\` is absent |
| \`NO_COLOR\`, \`FORCE_COLOR\` | never colours, always colours; otherwise on a terminal only |
`
