import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, type ProcessHost, type ProcessIdentity } from '../host/process.ts'
import { isProcessAlive } from '../host/process-table.ts'
import { enterUserNamespace, readNestingKey, type UserNamespaceKey } from './common-user-namespace.ts'
import { type NamespaceDependencies, startHolder } from './holder.ts'

/** A VPC's network namespace, kept by a process that does nothing else. */
export interface Namespace {
  readonly vpcId: string
  readonly directory: string
  readonly holder: ProcessIdentity
  /** Argv prefix that runs a program inside. */
  readonly enter: readonly string[]
  /** The kernel's name of the user namespace that it is nested in; undefined for one of an earlier version, which stands alone. */
  readonly nestedIn?: string
}

/** Ends a hang: a busy host takes seconds to run a program. */
export const toolTimeoutMs = 60_000

/** Makes a namespace, nested in that user namespace: nothing is in it yet. */
export async function createNamespace(
  dependencies: NamespaceDependencies,
  vpcId: string,
  key: UserNamespaceKey,
): Promise<Namespace> {
  const make = [...enterUserNamespace(key), 'unshare', '--user', '--map-root-user', '--net'] as const
  const holder = await startHolder(dependencies, vpcId, make, key.path)
  return await describeNamespace(dependencies.networksDirectory, vpcId, holder)
}

/** Makes another one beside a VPC's, in the same user namespace, kept by a process on the file of that name. */
export async function createNamespaceBeside(
  dependencies: NamespaceDependencies,
  vpc: Namespace,
  holderFile: string,
): Promise<ProcessIdentity> {
  const make = ['nsenter', ...vpc.enter.slice(1), 'unshare', '--net'] as const
  return await startHolder(dependencies, vpc.vpcId, make, undefined, holderFile)
}

/**
 * Gives a namespace whose holder died a new one, by way of a process that lives in it. Undefined when none of them does any more:
 * then the namespace has gone, and no machine is in it.
 */
export async function rescueNamespace(
  dependencies: NamespaceDependencies,
  vpcId: string,
  inhabitants: readonly ProcessIdentity[],
  key: UserNamespaceKey,
): Promise<Namespace | undefined> {
  for (const inhabitant of inhabitants) {
    if (!(await isProcessAlive(inhabitant)) || !(await isElsewhere(inhabitant.pid))) continue
    const isNested = await hasRightsOver(dependencies.processes, key, inhabitant.pid)
    const holder = await startHolder(dependencies, vpcId, enterPrefix(inhabitant.pid), isNested ? key.path : undefined)
    return await describeNamespace(dependencies.networksDirectory, vpcId, holder)
  }
  return undefined
}

/** The namespace that a holder, perhaps of an earlier daemon, keeps. */
export async function describeNamespace(
  networksDirectory: string,
  vpcId: string,
  holder: ProcessIdentity,
): Promise<Namespace> {
  const key = await readNestingKey(holder.pid)
  return {
    vpcId,
    directory: join(networksDirectory, vpcId),
    holder,
    enter: enterPrefix(holder.pid),
    ...(key ? { nestedIn: key.id } : {}),
  }
}

function enterPrefix(pid: number): [string, ...string[]] {
  return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
}

/** Only who is nested in a user namespace lets somebody of it in. */
async function hasRightsOver(processes: ProcessHost, key: UserNamespaceKey, pid: number): Promise<boolean> {
  const [program, ...rest] = [...enterUserNamespace(key, pid), 'true'] as const
  try {
    await processes.run({ argv: [program, ...rest], timeoutMs: toolTimeoutMs })
    return true
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return false
  }
}

/** Whether two processes are in one network namespace. */
export async function haveOneNetwork(one: number, other: number): Promise<boolean> {
  const [own, others] = await Promise.all(
    [one, other].map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => undefined)),
  )
  return own !== undefined && own === others
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
