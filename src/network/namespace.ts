import { readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive } from '../host/process-table.ts'
import { networkFile } from './vpc-processes.ts'

/** A VPC's network namespace, kept by a process that does nothing else. */
export interface Namespace {
  readonly vpcId: string
  readonly directory: string
  readonly holder: ProcessIdentity
  /** Argv prefix that runs a program inside. */
  readonly enter: readonly string[]
}

export interface NamespaceDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly networksDirectory: string
}

const toolTimeoutMs = 10_000
const pollIntervalMs = 2

/** Makes a namespace: nothing is in it yet. */
export async function createNamespace(dependencies: NamespaceDependencies, vpcId: string): Promise<Namespace> {
  // Root uses a user namespace too: pasta drops the rights that it would need to enter one of the host's own.
  return await startHolder(dependencies, vpcId, ['unshare', '--user', '--map-root-user', '--net'])
}

/**
 * Gives a namespace whose holder died a new one, by way of a process that lives in it. Undefined when none of them does any more:
 * then the namespace has gone, and no machine is in it.
 */
export async function rescueNamespace(
  dependencies: NamespaceDependencies,
  vpcId: string,
  inhabitants: readonly ProcessIdentity[],
): Promise<Namespace | undefined> {
  for (const inhabitant of inhabitants) {
    if (!(await isProcessAlive(inhabitant)) || !(await isElsewhere(inhabitant.pid))) continue
    return await startHolder(dependencies, vpcId, enterPrefix(inhabitant.pid))
  }
  return undefined
}

/** The namespace that a holder of an earlier daemon keeps. */
export function describeNamespace(networksDirectory: string, vpcId: string, holder: ProcessIdentity): Namespace {
  return { vpcId, directory: join(networksDirectory, vpcId), holder, enter: enterPrefix(holder.pid) }
}

function enterPrefix(pid: number): [string, ...string[]] {
  return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
}

async function startHolder(
  { processes, clock, networksDirectory }: NamespaceDependencies,
  vpcId: string,
  [program, ...prefix]: readonly [string, ...string[]],
): Promise<Namespace> {
  const directory = join(networksDirectory, vpcId)
  await ensurePrivateDirectory(directory)
  const path = join(directory, networkFile.holder)
  await writeFile(path, '')
  // Following a file that never grows costs nothing, and the file's path among its arguments is how a later daemon finds the
  // holder, whatever instant this one was killed at.
  const log = join(directory, networkFile.holderLog)
  const child = await processes.startDetached({ argv: [program, ...prefix, 'tail', '-f', path] }, log)
  const holder = child.pid === undefined ? undefined : await identifyProcess(child.pid)
  const deadline = clock.monotonicMs() + toolTimeoutMs
  // It has entered or made the namespaces once it has become `tail`.
  while (!holder || !(await isTail(holder.pid))) {
    if (!holder || clock.monotonicMs() > deadline || !(await isProcessAlive(holder))) {
      const said = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1) || `${program} said nothing`
      throw new Error(`the namespace could not be made: ${said}; \`kiln doctor\` says what this host lacks`)
    }
    await clock.sleep(pollIntervalMs)
  }
  return describeNamespace(networksDirectory, vpcId, holder)
}

async function isTail(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).startsWith('tail\0')
}

async function isElsewhere(pid: number): Promise<boolean> {
  const own = await readlink('/proc/self/ns/net')
  return (await readlink(`/proc/${pid}/ns/net`).catch(() => own)) !== own
}

/** Runs a program in the namespace to its end. */
export async function runInside(
  processes: ProcessHost,
  namespace: Namespace,
  argv: readonly string[],
  input?: string,
): Promise<string> {
  const [program = '', ...rest] = [...namespace.enter, ...argv]
  const { stdout } = await processes.run({
    argv: [program, ...rest],
    timeoutMs: toolTimeoutMs,
    ...(input === undefined ? {} : { input }),
  })
  return stdout
}
