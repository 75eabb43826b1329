import { readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { findProcesses, identifyProcess, isProcessAlive } from '../host/process-table.ts'
import { dnsAddress, metadataAddress } from './ruleset.ts'

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
  readonly isRoot: boolean
}

/** The unnumbered bridge that lends dnsmasq its addresses; it never carries a frame. */
export const helperBridge = 'dhcp0'
const toolTimeoutMs = 10_000
const holderFile = 'holder'

/** Makes the namespace and what all of its interfaces share. */
export async function createNamespace(dependencies: NamespaceDependencies, vpcId: string): Promise<Namespace> {
  const { processes, clock, networksDirectory } = dependencies
  const directory = join(networksDirectory, vpcId)
  await ensurePrivateDirectory(directory)
  const path = join(directory, holderFile)
  await writeFile(path, '')
  // Following a file that never grows costs nothing, and the file's path among its arguments is how a later daemon finds the
  // holder, whatever instant this one was killed at.
  // Root uses a user namespace too: pasta drops the rights that it would need to enter one of the host's own.
  const [program, ...rest]: [string, ...string[]] = [
    'unshare',
    '--user',
    '--map-root-user',
    '--net',
    'tail',
    '-f',
    path,
  ]
  const child = await processes.startDetached({ argv: [program, ...rest] }, join(directory, 'holder.log'))
  const holder = child.pid === undefined ? undefined : await identifyProcess(child.pid)
  if (!holder) throw new Error('the namespace could not be made: `kiln doctor` says what this host lacks')
  // `unshare` has made the namespaces once it has become `tail`.
  const own = await readlink('/proc/self/ns/net')
  const deadline = clock.monotonicMs() + toolTimeoutMs
  while ((await readlink(`/proc/${holder.pid}/ns/net`).catch(() => own)) === own || !(await isTail(holder.pid))) {
    if (clock.monotonicMs() > deadline || !(await isProcessAlive(holder))) {
      throw new Error('the namespace could not be made: `kiln doctor` says what this host lacks')
    }
    await clock.sleep(5)
  }
  const namespace = describeNamespace(dependencies, vpcId, holder)
  await prepare(dependencies, namespace)
  return namespace
}

async function isTail(pid: number): Promise<boolean> {
  const [found] = await findProcesses((argv) => argv[0] === 'tail').then((all) =>
    all.filter((entry) => entry.pid === pid),
  )
  return found !== undefined
}

/** The namespaces that holders of this state directory keep, by VPC. */
export async function findNamespaces(dependencies: NamespaceDependencies): Promise<Namespace[]> {
  const prefix = `${dependencies.networksDirectory}/`
  const holders = await findProcesses((argv) => {
    const path = argv.at(-1) ?? ''
    return path.startsWith(prefix) && path.endsWith(`/${holderFile}`) && argv.includes('tail')
  })
  return holders.map((holder) => {
    const vpcId = (holder.argv.at(-1) ?? '').slice(prefix.length).split('/')[0] ?? ''
    return describeNamespace(dependencies, vpcId, { pid: holder.pid, startTicks: holder.startTicks })
  })
}

function describeNamespace(dependencies: NamespaceDependencies, vpcId: string, holder: ProcessIdentity): Namespace {
  const target = ['nsenter', '-t', String(holder.pid)]
  const enter = [...target, '-U', '-n', '--preserve-credentials', '--']
  return { vpcId, directory: join(dependencies.networksDirectory, vpcId), holder, enter }
}

/** Addresses of the services, and the kernel's settings that make it a router with proxy ARP. Safe to repeat. */
async function prepare({ processes }: NamespaceDependencies, namespace: Namespace): Promise<void> {
  const batch = [
    'link set lo up',
    `addr add ${metadataAddress}/32 dev lo`,
    `addr add ${dnsAddress}/32 dev lo`,
    `link add ${helperBridge} type bridge`,
    `link set ${helperBridge} up`,
  ]
  await runInside(processes, namespace, ['ip', '-batch', '-'], `${batch.join('\n')}\n`)
  await runInside(processes, namespace, [
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    // Each guest asks for its neighbours by ARP although all of them are behind this router.
    'net.ipv4.conf.all.proxy_arp=1',
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv6.conf.all.disable_ipv6=1',
  ])
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
