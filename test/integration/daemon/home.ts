import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { readableRoot } from '../../e2e/lab.ts'

const projectRoot = join(import.meta.dirname, '../../..')

/** What a command of `kiln` came to. */
export interface Outcome {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A state directory and the `kiln` of the user that it belongs to. */
export interface Home {
  readonly path: string
  /** Argv that runs a program of dist/ for this state directory. */
  argv(program: 'cli/main' | 'daemon/main', ...args: readonly string[]): [string, ...string[]]
  kiln(...args: readonly string[]): Promise<Outcome>
  /** Ends the daemon if one runs and removes the directory. */
  close(): Promise<void>
}

/** `user` absent: whoever runs the test. */
export async function openHome(user?: string): Promise<Home> {
  const path = await mkdtemp('/tmp/kiln-home-')
  await chmod(path, 0o700)
  const root = await readableRoot(user)
  if (user) await execa('chown', [`${user}:`, path])
  const asUser = user ? ['runuser', '-u', user, '--'] : []

  function argv(program: string, ...args: readonly string[]): [string, ...string[]] {
    const script = join(root, 'dist', `${program}.js`)
    const [first = '', ...rest] = [...asUser, 'env', `KILN_HOME=${path}`, process.execPath, script, ...args]
    return [first, ...rest]
  }

  async function kiln(...args: readonly string[]): Promise<Outcome> {
    const [first, ...rest] = argv('cli/main', ...args)
    const { exitCode, stdout, stderr } = await execa(first, rest, { reject: false, cwd: '/', stdin: 'ignore' })
    return { exitCode, stdout, stderr }
  }

  return {
    path,
    argv,
    kiln,
    close: async () => {
      await kiln('daemon', 'stop', '--machines')
      await rm(path, { recursive: true, force: true })
      if (root !== projectRoot) await rm(root, { recursive: true, force: true })
    },
  }
}
