import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { CommandError, type ProcessHost, type ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive } from '../host/process-table.ts'
import type { HostFacts } from './host-facts.ts'
import { mtu } from './mtu.ts'
import type { Namespace } from './namespace.ts'
import { egressInterface } from './ruleset.ts'
import { endProcess, networkFile } from './vpc-processes.ts'

/** A VPC's way out, in user space: pasta, of the package passt. */
export interface Egress {
  /**
   * Starts pasta when it does not run, and anew when IPv6 is wanted, the host has a way for it by now, and pasta has not: then connections
   * end. Answers what is wrong; that is no failure of the VPC.
   */
  converge(host: HostFacts, wantsIpv6: boolean): Promise<string | undefined>
  /** Whether `converge` would do something now. */
  needsAttention(host: HostFacts): Promise<boolean>
  end(): Promise<void>
}

/** pasta's end of the wire and the namespace's: the host's own addresses might be the VPC's, as on an EC2 instance. */
const gatewayAddress = '169.254.169.250'
const ownAddress = '169.254.169.249'
const ipv6GatewayAddress = 'fd00:ec2:ffff::250'
const ipv6OwnAddress = 'fd00:ec2:ffff::249'
const ipv4Only = '--ipv4-only'
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
  let running = adopted
  let wantsIpv6 = false
  let failure: { readonly problem: string; readonly host: string; readonly atMs: number } | undefined

  async function isCurrent(host: HostFacts): Promise<boolean> {
    if (running === undefined || !(await isProcessAlive(running))) return false
    return !(wantsIpv6 && host.hasIpv6Route) || !(await isIpv4Only(running))
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
    converge: async (host, isIpv6Wanted) => {
      wantsIpv6 = isIpv6Wanted
      if (await isCurrent(host)) return undefined
      if (hasJustFailed(host)) return failure?.problem
      await endRunning()
      await rm(pidPath, { force: true })
      try {
        await processes.run({
          argv: pastaArgv({
            pidPath,
            holderPid: namespace.holder.pid,
            isRoot,
            carriesIpv6: wantsIpv6 && host.hasIpv6Route,
          }),
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

/** Its arguments tell, whoever started it. */
async function isIpv4Only({ pid }: ProcessIdentity): Promise<boolean> {
  const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return argv.split('\0').includes(ipv4Only)
}

/** pasta's command line. Pure. */
export function pastaArgv(options: {
  readonly pidPath: string
  readonly holderPid: number
  readonly isRoot: boolean
  readonly carriesIpv6: boolean
}): [string, ...string[]] {
  return [
    'pasta',
    '--config-net',
    // It answers whoever looks for its gateway, and tells of nothing else.
    ...(options.carriesIpv6 ? ['--no-dhcpv6', '--no-ra'] : [ipv4Only]),
    // Without it the gateway's address would lead to the host's loopback.
    '--no-map-gw',
    '--no-dhcp',
    '--quiet',
    ...['--address', ownAddress, '--netmask', '30', '--gateway', gatewayAddress],
    ...(options.carriesIpv6 ? ['--address', ipv6OwnAddress, '--gateway', ipv6GatewayAddress] : []),
    ...['--mtu', String(mtu.internet)],
    ...['-I', egressInterface, '-P', options.pidPath, '-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    // Started by root it would become `nobody` and then could not enter.
    ...(options.isRoot ? ['--runas', '0'] : []),
    String(options.holderPid),
  ]
}
