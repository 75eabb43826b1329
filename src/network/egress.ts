import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { writeFileAtomic } from '../host/files.ts'
import { CommandError, type ProcessHost, type ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive } from '../host/process-table.ts'
import type { HostFacts } from './host-facts.ts'
import type { Namespace } from './namespace.ts'
import { egressInterface, upstreamDnsAddress } from './ruleset.ts'
import { endProcess, networkFile } from './vpc-processes.ts'

/** A VPC's way out, in user space: pasta, of the package passt. */
export interface Egress {
  /** Starts pasta, or starts it anew when the host's resolver changed. Answers what is wrong; that is no failure of the VPC. */
  converge(host: HostFacts): Promise<string | undefined>
  /** Whether `converge` would do something now. */
  needsAttention(host: HostFacts): Promise<boolean>
  end(): Promise<void>
}

/** pasta's end of the wire and the namespace's: the host's own addresses might be the VPC's, as on an EC2 instance. */
const gatewayAddress = '169.254.169.250'
const ownAddress = '169.254.169.249'
const startTimeoutMs = 10_000
/** A host without a way out is asked again this often, and whenever its addresses change. */
const retryIntervalMs = 60_000

/** `adopted` is the pasta that an earlier daemon started. */
export function createEgress(
  dependencies: { readonly processes: ProcessHost; readonly clock: Clock; readonly isRoot: boolean },
  namespace: Namespace,
  adopted?: ProcessIdentity,
): Egress {
  const { processes, clock, isRoot } = dependencies
  const pidPath = join(namespace.directory, networkFile.pastaPid)
  const resolverPath = join(namespace.directory, networkFile.pastaResolver)
  let running = adopted
  let resolver: string | undefined
  let failure: { readonly problem: string; readonly host: string; readonly atMs: number } | undefined

  async function isCurrent(host: HostFacts): Promise<boolean> {
    resolver ??= await readFile(resolverPath, 'utf8').catch(() => undefined)
    return running !== undefined && resolver === (host.resolver ?? '') && (await isProcessAlive(running))
  }

  function hasJustFailed(host: HostFacts): boolean {
    if (failure?.host !== JSON.stringify(host)) return false
    return clock.monotonicMs() - failure.atMs < retryIntervalMs
  }

  /** It daemonizes; who it is, its file tells. */
  async function findStarted(): Promise<ProcessIdentity | undefined> {
    const pid = Number(await readFile(pidPath, 'utf8').catch(() => ''))
    return pid > 0 ? await identifyProcess(pid) : undefined
  }

  async function endRunning(): Promise<void> {
    // Its interface goes with it, and the next one needs the name.
    if (running) await endProcess(clock, running, 'SIGTERM')
    running = undefined
  }

  return {
    converge: async (host) => {
      if (await isCurrent(host)) return undefined
      if (hasJustFailed(host)) return failure?.problem
      await endRunning()
      await rm(pidPath, { force: true })
      resolver = host.resolver ?? ''
      // pasta reads /etc/resolv.conf once, when it starts, and does not tell what it read.
      await writeFileAtomic(resolverPath, resolver, { isDurable: false })
      try {
        await processes.run({
          argv: pastaArgv({ pidPath, holderPid: namespace.holder.pid, isRoot }),
          timeoutMs: startTimeoutMs,
        })
        running = await findStarted()
        failure = undefined
        return undefined
      } catch (error) {
        running = await findStarted()
        await endRunning()
        if (!(error instanceof CommandError)) throw error
        const said = error.stderrTail.split('\n').at(-1) || 'nothing'
        const problem = `instances have no way out to the internet: pasta says ${said}`
        failure = { problem, host: JSON.stringify(host), atMs: clock.monotonicMs() }
        return problem
      }
    },
    needsAttention: async (host) => !(await isCurrent(host)) && !hasJustFailed(host),
    // Bookworm's pasta outlives the namespace that it serves.
    end: endRunning,
  }
}

/** pasta's command line. Pure. */
export function pastaArgv(options: {
  readonly pidPath: string
  readonly holderPid: number
  readonly isRoot: boolean
}): [string, ...string[]] {
  return [
    'pasta',
    '--config-net',
    '--ipv4-only',
    // Without it the gateway's address would lead to the host's loopback.
    '--no-map-gw',
    '--no-dhcp',
    '--quiet',
    ...['--address', ownAddress, '--netmask', '30', '--gateway', gatewayAddress],
    // To the first nameserver of /etc/resolv.conf: with --dns bookworm's pasta forwards to none.
    ...['--dns-forward', upstreamDnsAddress],
    ...['-I', egressInterface, '-P', options.pidPath, '-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    // Started by root it would become `nobody` and then could not enter.
    ...(options.isRoot ? ['--runas', '0'] : []),
    String(options.holderPid),
  ]
}
