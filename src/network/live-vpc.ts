import type { RequestListener, Server } from 'node:http'
import type { Logger } from 'pino'
import { guestEndpoint, type VpcNetwork } from '../ec2/ports/network.ts'
import type { Clock } from '../host/clock.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { createDnsmasq } from './dnsmasq.ts'
import { createEgress } from './egress.ts'
import { createFirewall } from './firewall.ts'
import type { HostFacts } from './host-facts.ts'
import { createMetadataServer, limitConnections, serveGuests } from './metadata-server.ts'
import type { Namespace } from './namespace.ts'
import { createNamespaceBroker, type NamespaceBroker } from './namespace-broker.ts'
import { convergeRouter, enableRouting, type TapProblems } from './router.ts'
import { vpcRuleset } from './ruleset.ts'
import { endProcess, type VpcProcesses } from './vpc-processes.ts'

/** What this daemon holds of a VPC that has a namespace. Its calls are made one after the other. */
export interface LiveVpc {
  readonly namespace: Namespace
  readonly broker: NamespaceBroker
  /**
   * Brings taps and firewall to what is told; what guests need once they have booted follows on its own: routing, leases and names,
   * metadata service, way out. One part that fails keeps no other from its work; rejects with the first failure.
   */
  converge(vpc: VpcNetwork, host: HostFacts): Promise<void>
  /** Whether something died or changed underneath, so that `converge` has something to do. */
  needsAttention(host: HostFacts): Promise<boolean>
  /** Processes that live in the namespace besides the machines and the holder. */
  inhabitants(): readonly ProcessIdentity[]
  /** Why a tap could not be made; undefined when it is there. */
  tapProblem(tapName: string): string | undefined
  warnings(): string[]
  /** Closes what is the daemon's own: the namespace and its processes go on. */
  leave(): void
  /** Ends all processes of the VPC but the machines. */
  end(): Promise<void>
}

export interface LiveVpcDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly log: Logger
  readonly isRoot: boolean
  readonly metadataListener: (vpcId: string) => RequestListener
  /** Makes the server of the EC2 API for guests of a VPC, not listening yet. */
  readonly guestApi: (vpcId: string) => Server
}

/** `adopted` are the processes that an earlier daemon left in the namespace. */
export function createLiveVpc(
  dependencies: LiveVpcDependencies,
  namespace: Namespace,
  adopted?: VpcProcesses,
): LiveVpc {
  const { processes, clock, log, metadataListener, guestApi } = dependencies
  const { vpcId } = namespace
  const broker = createNamespaceBroker(processes, namespace.enter)
  const firewall = createFirewall(processes, namespace)
  const dnsmasq = createDnsmasq(dependencies, namespace, adopted?.dnsmasq)
  const egress = createEgress(dependencies, namespace, adopted?.pasta)
  let routing: Promise<void> | undefined
  let metadata: Server | undefined
  let api: Server | undefined
  let isEnding = false
  let hasFailed = false
  let isConverging = false
  let addresses = ''
  let wantsEgress = false
  let tapProblems: TapProblems = new Map()
  let ruleProblems: readonly string[] = []
  /** What instances lack, by service. */
  const serviceProblems = new Map<string, string>()
  /** What the host lacks for a way out. */
  let egressProblem: string | undefined
  /** The last try of each service: they are made one after the other, and a slow service keeps no other waiting. */
  const tries = new Map<string, Promise<void>>()
  let background: Promise<unknown> = Promise.resolve()
  let pendingCount = 0

  async function convergeServices(vpc: VpcNetwork, host: HostFacts): Promise<void> {
    await Promise.all([
      provide('routing between themselves', enableRoutingOnce),
      provide('DHCP and private DNS', () => dnsmasq.converge(vpc)),
      provide('metadata service', openMetadata),
      provide('EC2 endpoint', openApi),
      wantsEgress ? provide('way out to the internet', () => offerEgress(host)) : undefined,
    ])
  }

  function provide(service: string, work: () => Promise<void>): Promise<void> {
    const next = (tries.get(service) ?? Promise.resolve()).then(async () => await tryToProvide(service, work))
    tries.set(service, next)
    return next
  }

  /** A failure is a warning until a later try succeeds: machines may run without a service for a while. */
  async function tryToProvide(service: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!isEnding) await work()
      serviceProblems.delete(service)
    } catch (error) {
      serviceProblems.set(service, `instances have no ${service}: ${describe(error)}`)
      log.error({ vpcId, service, err: error }, 'instances lack a service')
    }
  }

  /** Services come after whatever is waiting for taps and firewall alone: each program that is started keeps the daemon busy. */
  async function serve(vpc: VpcNetwork, host: HostFacts): Promise<void> {
    pendingCount++
    await new Promise((resolve) => setImmediate(resolve))
    await convergeServices(vpc, host)
    pendingCount--
  }

  async function openMetadata(): Promise<void> {
    if (metadata) return
    const server = await serveGuests(broker, 80, createMetadataServer(metadataListener(vpcId)))
    if (isEnding) server.close()
    else metadata = server
  }

  async function openApi(): Promise<void> {
    if (api) return
    const server = await serveGuests(broker, guestEndpoint.port, limitConnections(guestApi(vpcId)))
    if (isEnding) server.close()
    else api = server
  }

  async function offerEgress(host: HostFacts): Promise<void> {
    const problem = await egress.converge(host)
    if (problem !== undefined && problem !== egressProblem) log.warn({ vpcId, problem }, 'no egress')
    egressProblem = problem
  }

  function enableRoutingOnce(): Promise<void> {
    routing ??= enableRouting(processes, namespace).catch((error: unknown) => {
      routing = undefined
      throw error
    })
    return routing
  }

  function leave(): void {
    isEnding = true
    for (const server of [metadata, api]) {
      server?.close()
      server?.closeAllConnections()
    }
    broker.close()
  }

  return {
    namespace,
    broker,
    converge: async (vpc, host) => {
      isConverging = true
      addresses = host.addresses.join()
      wantsEgress = vpc.subnets.some(({ internetDestinations }) => internetDestinations.length > 0)
      const results = await Promise.allSettled([
        convergeRouter(processes, namespace, vpc).then((problems) => (tapProblems = problems)),
        firewall.load(vpcRuleset(vpc, host.addresses)).then((problems) => (ruleProblems = problems)),
      ])
      background = Promise.all([background, serve(vpc, host)])
      isConverging = false
      hasFailed = results.some(({ status }) => status === 'rejected')
      for (const result of results) if (result.status === 'rejected') throw result.reason
      for (const problem of [...tapProblems.values(), ...ruleProblems])
        log.error({ vpcId, problem }, 'network is impaired')
    },
    needsAttention: async (host) =>
      !isConverging &&
      (hasFailed ||
        tapProblems.size > 0 ||
        addresses !== host.addresses.join() ||
        (pendingCount === 0 &&
          (serviceProblems.size > 0 ||
            !(await dnsmasq.isAlive()) ||
            (wantsEgress && (await egress.needsAttention(host)))))),
    inhabitants: () => [dnsmasq.process()].filter((process) => process !== undefined),
    tapProblem: (tapName) => tapProblems.get(tapName),
    warnings: () =>
      [...tapProblems.values(), ...ruleProblems, ...serviceProblems.values(), egressProblem].filter(
        (problem) => problem !== undefined,
      ),
    leave,
    end: async () => {
      leave()
      await background
      await Promise.all([egress.end(), dnsmasq.end()])
      await endProcess(clock, namespace.holder, 'SIGKILL')
    },
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
