import type { RequestListener, Server } from 'node:http'
import type { Logger } from 'pino'
import type { FlowReading } from '../ec2/ports/flow-count.ts'
import { natDeviceOf, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { createGuestResolver } from './dns/guest-resolver.ts'
import { createGuestDhcp6, dhcpRelayPort } from './dhcp6/serve-guests.ts'
import { createDnsmasq } from './dnsmasq.ts'
import { createEgress } from './egress.ts'
import { familiesOf, hasIpv6, ipv6 } from './family.ts'
import { createFlowCounter } from './flow-counter.ts'
import { createGuestServers } from './guest-servers.ts'
import type { NamespaceDependencies } from './holder.ts'
import type { HostFacts } from './host-facts.ts'
import { publicSubnetsOf } from './internet-address.ts'
import { createMetadataServer } from './metadata-server.ts'
import type { Upstream } from './dns/upstream.ts'
import type { NamespaceBroker } from './namespace-broker.ts'
import type { Namespace } from './namespace.ts'
import { enableRouting } from './router.ts'
import { usedNatGateways } from './routing-table.ts'
import { timeAddress, timeIpv6Address } from './service-address.ts'
import type { VpcProcesses } from './vpc-processes.ts'

/**
 * What guests need once they have booted: routing, leases and names, metadata and time service, way out. Each is made by itself, and one that cannot be
 * had keeps no other from its work: it is a warning, until a later try succeeds.
 */
export interface VpcServices {
  /** What they shall be from now on; what answers guests in the daemon knows it at once. Comes before the router is brought to it. */
  update(vpc: VpcNetwork): Promise<void>
  /** Brings them to that in the background. */
  converge(vpc: VpcNetwork, host: HostFacts): void
  /** Whether one died, or failed, so that `converge` has something to do. */
  needsAttention(host: HostFacts): Promise<boolean>
  warnings(): string[]
  /** Processes that live in the namespace. */
  inhabitants(): readonly ProcessIdentity[]
  /** Tells what was counted of its flows since the last time. */
  readFlows(): Promise<void>
  /** Closes what is the daemon's own. */
  leave(): void
  /** Ends them all, once what is under way is done; `leave` comes first. */
  end(): Promise<void>
}

export interface VpcServicesDependencies extends NamespaceDependencies {
  readonly log: Logger
  readonly isRoot: boolean
  /** Who is asked what no VPC knows. */
  readonly upstream: Upstream
  readonly metadataListener: (vpcId: string) => RequestListener
  /** Makes the server of the EC2 API for guests of a VPC, not listening yet. */
  readonly guestApi: (vpcId: string) => Server
  readonly onFlowReading: (reading: FlowReading) => void
}

/** `adopted` are the processes that an earlier daemon left in the namespace. */
export function createVpcServices(
  dependencies: VpcServicesDependencies,
  namespace: Namespace,
  broker: NamespaceBroker,
  adopted?: VpcProcesses,
): VpcServices {
  const { processes, clock, log, metadataListener, guestApi } = dependencies
  const { vpcId } = namespace
  const dnsmasq = createDnsmasq(dependencies, namespace, adopted?.dnsmasq)
  const flows = createFlowCounter({ processes, clock, onReading: dependencies.onFlowReading }, namespace, !adopted)
  const egress = createEgress(dependencies, namespace, adopted?.pasta)
  const resolver = createGuestResolver(dependencies, vpcId)
  const dhcp6 = createGuestDhcp6()
  const servers = createGuestServers({
    ...{ vpcId, broker, log, respond: resolver.respond },
    makeMetadata: () => createMetadataServer(metadataListener(vpcId)),
    makeApi: () => guestApi(vpcId),
  })
  /** The last setting of the kernel, and whether it was with IPv6. */
  let routing: { readonly carriesIpv6: boolean; readonly done: Promise<void> } | undefined
  let wantsIpv6 = false
  let wantsEgress = false
  let isEnding = false
  /** What instances lack, by service. */
  const problems = new Map<string, string>()
  /** What the host lacks for a way out. */
  let egressProblem: string | undefined
  /** The last try of each service: they are made one after the other, and a slow service keeps no other waiting. */
  const tries = new Map<string, Promise<void>>()
  let background: Promise<unknown> = Promise.resolve()
  let pendingCount = 0

  async function convergeAll(vpc: VpcNetwork, host: HostFacts): Promise<void> {
    await Promise.all([
      provide('routing between themselves', () => enableRoutingOnce(hasIpv6(vpc))),
      wantsIpv6 ? provide('IPv6 addresses', relayDhcp6) : undefined,
      provide('DHCP and private DNS', () => dnsmasq.converge(vpc)),
      provide('names of private zones and of the world', () => servers.openNames(wantsIpv6)),
      provide('metadata service', () => servers.openMetadata(wantsIpv6)),
      provide('EC2 endpoint', () => servers.openApi(wantsIpv6)),
      provide('time service', tellTime),
      provide('flow logs', () => flows.watch(countedDevices(vpc), familiesOf(vpc))),
      provide('way out to the internet', () => settleEgress(vpc, host)),
    ])
  }

  function provide(service: string, work: () => Promise<void>): Promise<void> {
    const next = (tries.get(service) ?? Promise.resolve()).then(async () => await tryToProvide(service, work))
    tries.set(service, next)
    return next
  }

  async function tryToProvide(service: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!isEnding) await work()
      problems.delete(service)
    } catch (error) {
      problems.set(service, `instances have no ${service}: ${error instanceof Error ? error.message : String(error)}`)
      log.error({ vpcId, service, err: error }, 'instances lack a service')
    }
  }

  /** Services come after whatever is waiting for taps and firewall alone: each program that is started keeps the daemon busy. */
  async function serve(vpc: VpcNetwork, host: HostFacts): Promise<void> {
    pendingCount++
    await new Promise((resolve) => setImmediate(resolve))
    await convergeAll(vpc, host)
    pendingCount--
  }

  function enableRoutingOnce(carriesIpv6: boolean): Promise<void> {
    if (routing?.carriesIpv6 !== carriesIpv6) {
      const done = enableRouting(processes, namespace, carriesIpv6).catch((error: unknown) => {
        routing = undefined
        throw error
      })
      routing = { carriesIpv6, done }
    }
    return routing.done
  }

  async function relayDhcp6(): Promise<void> {
    if (!broker.isRelaying()) await broker.relay(dhcpRelayPort, dhcp6.answer)
  }

  async function tellTime(): Promise<void> {
    for (const address of silentClocks()) await broker.tellTime(address)
  }

  /** Where the helper does not tell the time, or no more. */
  function silentClocks(): readonly string[] {
    const clocks = wantsIpv6 ? [timeAddress, timeIpv6Address] : [timeAddress]
    return clocks.filter((address) => !broker.isTellingTime(address))
  }

  async function settleEgress(vpc: VpcNetwork, host: HostFacts): Promise<void> {
    if (!wantsEgress) {
      egressProblem = undefined
      return await egress.end()
    }
    const problem = await egress.converge(host, publicSubnetsOf(vpc, ipv6).size > 0)
    if (problem !== undefined && problem !== egressProblem) log.warn({ vpcId, problem }, 'no egress')
    egressProblem = problem
  }

  return {
    update: async (vpc) => {
      // What still turns IPv6 off would take away the addresses that the router is about to get.
      if (hasIpv6(vpc) && !wantsIpv6) await background
      wantsEgress = familiesOf(vpc).some((family) => publicSubnetsOf(vpc, family).size > 0)
      wantsIpv6 = hasIpv6(vpc)
      resolver.update(vpc)
      dhcp6.update(vpc)
    },
    converge: (vpc, host) => {
      background = Promise.all([background, serve(vpc, host)])
    },
    needsAttention: async (host) =>
      pendingCount === 0 &&
      (problems.size > 0 ||
        (wantsIpv6 && !broker.isRelaying()) ||
        silentClocks().length > 0 ||
        !(await dnsmasq.isAlive()) ||
        (wantsEgress && (await egress.needsAttention(host)))),
    warnings: () => [...problems.values(), ...(egressProblem === undefined ? [] : [egressProblem])],
    inhabitants: () => [dnsmasq.process()].filter((process) => process !== undefined),
    readFlows: () => flows.read(),
    leave: () => {
      isEnding = true
      servers.close()
    },
    end: async () => {
      await background
      await flows
        .watch([], [])
        .catch((error: unknown) => log.warn({ vpcId, err: error }, 'the last flows are not known'))
      await Promise.all([egress.end(), dnsmasq.end()])
    },
  }
}

/** Of guests and of NAT gateways. */
function countedDevices(vpc: VpcNetwork): string[] {
  return [
    ...vpc.interfaces.filter(({ isCounted }) => isCounted).map(({ tapName }) => tapName),
    ...usedNatGateways(vpc)
      .filter(({ isCounted }) => isCounted)
      .map(({ id }) => natDeviceOf(id)),
  ]
}
