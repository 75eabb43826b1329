import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { execa } from 'execa'
import type { OperationCaller } from '../../src/api/contract.ts'
import { findProcesses } from '../../src/host/process-table.ts'

/** The user whose daemon is tested when the tests run as root; scripts/test makes it. */
export const ordinaryUser = 'kiln-tester'

/** Whose daemons are tested: the ordinary user's when root runs the tests, else those of whoever does. */
export const labUser = process.getuid?.() === 0 ? ordinaryUser : undefined

/** A `kiln` command that was started: a promise of how it ends. */
export interface KilnCommand extends Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
  /** As Ctrl-C does. */
  interrupt(): void
}

/** A daemon of its own state directory, run by a user, and what a test needs around it. */
export interface Lab {
  readonly home: string
  readonly call: OperationCaller
  startDaemon(): Promise<void>
  /** As a crash would. */
  killDaemon(): Promise<void>
  /** Starts the `kiln` command as the lab's user, in the lab's state directory; resolves however it ends. */
  kiln(...args: readonly string[]): KilnCommand
  /** What runs `kiln` as the lab's user, to be followed by its arguments. */
  readonly kilnArgv: readonly [string, ...string[]]
  /** Runs `aws ec2 …` against the daemon; answers its JSON. */
  aws(...args: readonly string[]): Promise<Record<string, unknown>>
  ssh(address: string, user: string, keyFile: string, command: string): Promise<string>
  /** What `ssh` is given to log in there, to be followed by a command. */
  sshArguments(address: string, user: string, keyFile: string): Promise<string[]>
  saveKey(name: string, material: string): Promise<string>
  /** Ends machines and daemon; answers what was left: processes and files that nothing owns. */
  close(): Promise<string[]>
}

/** Emulated guests and busy processors take their time: this only ends what hangs, before the limit of its test does. */
const hangMs = 600_000

const projectRoot = join(import.meta.dirname, '../..')

/** What a lab has besides its user. */
interface LabOptions {
  /** The state directory is a file system of its own of that size; only root can have one. */
  readonly diskMib?: number
  /** YAML for config.yaml, anything but `network`. */
  readonly configuration?: string
  /** Where the daemon looks for programs before anywhere else. */
  readonly programs?: string
  /** Bridges that servers may be put on. */
  readonly bridges?: readonly string[]
  /** What daemon and commands are run by: something that enters namespaces, in the place of a host's. */
  readonly runBy?: readonly string[]
}

/** Labs of this process. */
let labCount = 0

/** `user` absent: whoever runs the test. */
export async function openLab(user?: string, options: LabOptions = {}): Promise<Lab> {
  const { diskMib, configuration = '', programs, bridges = [], runBy = [] } = options
  const home = await mkdtemp('/tmp/kiln-e2e-')
  const root = await readableRoot(user)
  if (diskMib) await execa('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m,mode=0700`, 'tmpfs', home])
  await writeFile(join(home, 'config.yaml'), `${networkConfiguration(bridges)}${configuration}`, { mode: 0o644 })
  if (user) await execa('chown', ['-R', `${user}:`, home])
  const asUser = [...runBy, ...(user ? ['runuser', '-u', user, '--'] : [])]
  let environment: Record<string, string> = {}
  let hasDaemonEnded: Promise<unknown> = Promise.resolve()

  async function startDaemon(): Promise<void> {
    const [program, ...rest] = [
      ...asUser,
      'env',
      `KILN_HOME=${home}`,
      ...(programs === undefined ? [] : [`PATH=${programs}:${process.env['PATH']}`]),
      process.execPath,
      join(root, 'dist/daemon/main.js'),
    ]
    const daemon = spawn(program, rest, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    daemon.unref()
    let printed = ''
    daemon.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    hasDaemonEnded = once(daemon, 'exit')
    const ended = hasDaemonEnded.then(() => {
      throw new Error(`the daemon ended: ${printed}`)
    })
    ended.catch(() => undefined)
    await Promise.race([ended, until(async () => printed.includes('daemon is ready'))])
    const told = await call('KilnGetEnvironment', {})
    environment = {
      AWS_ACCESS_KEY_ID: told.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: told.SecretAccessKey,
      AWS_DEFAULT_REGION: told.Region,
      ENDPOINT: told.EndpointUrl,
    }
  }

  const call: OperationCaller = (name, input) => callSocket(join(home, 'kilnd.sock'), name, input)

  // Unlike runuser, setpriv stays no parent of what it runs: a signal reaches the command itself.
  const asItself = user ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--'] : []
  const [program, ...programArguments] = [
    ...runBy,
    ...asItself,
    'env',
    `KILN_HOME=${home}`,
    process.execPath,
    join(root, 'dist/cli/main.js'),
  ]
  const kilnArgv = [program, ...programArguments] as const

  async function sshArguments(address: string, login: string, keyFile: string): Promise<string[]> {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'BatchMode=yes',
      // Of a server that was reset nobody says anything any more.
      'ServerAliveInterval=10',
      'ServerAliveCountMax=12',
    ]
    const port = await hostPortOf(call, address, 22)
    return ['-i', keyFile, ...options.flatMap((option) => ['-o', option]), '-p', String(port), `${login}@${address}`]
  }

  return {
    home,
    call,
    kilnArgv,
    startDaemon,
    killDaemon: async () => {
      const { pid } = JSON.parse(await readFile(join(home, 'daemon.json'), 'utf8')) as { pid: number }
      process.kill(pid, 'SIGKILL')
      await hasDaemonEnded
    },
    kiln: (...args) => {
      const started = execa(program, [...programArguments, ...args], { cwd: home, reject: false })
      const ended = started.then(({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr }))
      return Object.assign(ended, { interrupt: () => started.kill('SIGINT') })
    },
    aws: async (...args) => {
      const endpoint = environment['ENDPOINT'] ?? ''
      const { stdout } = await execa('/usr/bin/aws', ['--endpoint-url', endpoint, '--output', 'json', 'ec2', ...args], {
        env: environment,
        timeout: hangMs,
      })
      return stdout.trim() === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>)
    },
    sshArguments,
    ssh: async (address, login, keyFile, command) => {
      const { stdout } = await execa('ssh', [...(await sshArguments(address, login, keyFile)), command], {
        timeout: hangMs,
      })
      return stdout
    },
    saveKey: async (name, material) => {
      const path = join(home, `${name}.pem`)
      await writeFile(path, material)
      await chmod(path, 0o600)
      return path
    },
    close: async () => {
      await callSocket(join(home, 'kilnd.sock'), 'shutdown', { machines: true }, '/shutdown')
      const isOurs = (argv: readonly string[]) => argv.some((argument) => argument.includes(home))
      await hasDaemonEnded
      const left = (await findProcesses(isOurs))
        .filter(({ pid }) => pid !== process.pid)
        .map(({ argv }) => argv.join(' '))
      for (const room of ['networks', 'staging']) {
        for (const name of await readdir(join(home, room))) left.push(join(room, name))
      }
      if (diskMib) await execa('umount', [home])
      await rm(home, { recursive: true, force: true })
      if (root !== projectRoot) await rm(root, { recursive: true, force: true })
      return left
    },
  }
}

/**
 * A block of public addresses that no lab of another test process asks for: while a daemon is dead, before the next one is started,
 * whoever looks for a block may take its own.
 */
function networkConfiguration(bridges: readonly string[]): string {
  const labsOfProcess = 20
  const process = Number(globalThis.process.env['VITEST_POOL_ID'] ?? 0)
  const block = 90 + (((process % 8) * labsOfProcess + (labCount++ % labsOfProcess)) % 160)
  const allowed = bridges.length > 0 ? `  bridges: [${bridges.join()}]\n` : ''
  return `network:\n  publicCidr: 127.${block}.0.0/16\n${allowed}`
}

/** Where the host offers a port of a public address. */
async function hostPortOf(call: OperationCaller, address: string, port: number): Promise<number> {
  const { Reservations: reservations } = await call('DescribeInstances', {
    Filters: [{ Name: 'ip-address', Values: [address] }],
  })
  const detail = await call('KilnDescribeInstance', { InstanceId: reservations?.[0]?.Instances?.[0]?.InstanceId ?? '' })
  return detail.PublicPorts.find(({ Protocol, Port }) => Protocol === 'tcp' && Port === port)?.HostPort ?? port
}

/** A checkout in a private directory is copied to where the ordinary user can read it. */
export async function readableRoot(user: string | undefined): Promise<string> {
  if (!user) return projectRoot
  const { failed } = await execa('runuser', ['-u', user, '--', 'test', '-r', join(projectRoot, 'package.json')], {
    reject: false,
  })
  if (!failed) return projectRoot
  const copy = await mkdtemp('/tmp/kiln-checkout-')
  await chmod(copy, 0o755)
  for (const name of ['dist', 'config', 'images', 'node_modules', 'package.json']) {
    await execa('cp', ['-a', join(projectRoot, name), copy])
  }
  return copy
}

async function callSocket<T>(
  socketPath: string,
  name: string,
  input: unknown,
  path = `/operations/${name}`,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const asked = request({ socketPath, path, method: 'POST' }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as T)
        else reject(new Error(`${name}: ${text}`))
      })
    })
    asked.on('error', reject)
    asked.end(JSON.stringify(input))
  })
}

/**
 * Waits until `isDone`, and asks the less often the longer it takes: whoever asks keeps a processor from the guest that it waits for. The
 * test's own limit ends a hang.
 */
export async function until(isDone: () => Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await isDone())) {
    const pauseMs = Math.min(Math.max((performance.now() - begun) / 20, 100), 500)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
