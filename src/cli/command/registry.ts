import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { readInput } from '../input.ts'
import { clientOf, note, type Session } from '../session.ts'

/** `kiln registry …` */
export function defineRegistry(command: Command, session: Session): void {
  const login = command
    .command('login')
    .description('Log in to a registry, and keep the login for the daemon')
    .argument('<registry>', 'registry.example.org, with a port where it has one')
    .requiredOption('-u, --username <name>')
    .option('--password-stdin', 'read the password, or a token, from standard input')
    .action(async (registry: string, options: { username: string; passwordStdin?: boolean }) => {
      const Password = await readPassword(session, options.passwordStdin === true)
      await clientOf(session).call('KilnLoginToRegistry', { Host: registry, Username: options.username, Password })
      note(session, `Logged in to ${registry}.`)
    })
  addExamples(
    login,
    'kiln registry login registry.example.org --username me',
    'kiln registry login ghcr.io -u me --password-stdin <token',
  )
  const logout = command
    .command('logout')
    .description('Forget the login of a registry')
    .argument('<registry>', 'as it was logged in to')
    .action(async (registry: string) => {
      const { WasLoggedIn } = await clientOf(session).call('KilnLogoutFromRegistry', { Host: registry })
      if (WasLoggedIn) return
      throw new CliError(`Kiln has no login of ${registry}.`, { exitCode: exitCode.notFound })
    })
  addExamples(logout, 'kiln registry logout registry.example.org')
}

/** Never an argument, which every user of the host could read. */
async function readPassword(session: Session, isFromInput: boolean): Promise<string> {
  const text = isFromInput ? (await readInput(session, '-')).toString('utf8') : await askForPassword(session)
  const password = text.replace(/\r?\n$/, '')
  if (password === '') throw new CliError('The password is empty.', { exitCode: exitCode.usage })
  return password
}

async function askForPassword(session: Session): Promise<string> {
  if (!session.stdin.isTTY) {
    throw new CliError('There is no terminal to ask on.', {
      exitCode: exitCode.usage,
      hint: 'Give the password by --password-stdin.',
    })
  }
  const { createInterface } = await import('node:readline/promises')
  // What is typed is echoed to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: session.stdin, output: nowhere, terminal: true })
  try {
    session.stderr.write('Password: ')
    return await reader.question('', { signal: session.signal })
  } finally {
    reader.close()
    session.stderr.write('\n')
  }
}
