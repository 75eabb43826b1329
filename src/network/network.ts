import type { RequestListener, Server } from 'node:http'
import type { Logger } from 'pino'
import type { FlowReading } from '../ec2/ports/flow-count.ts'
import type { Network, PublicRange } from '../ec2/ports/network.ts'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { coalesceByKey } from '../host/coalesce.ts'
import { isProcessAlive } from '../host/process-table.ts'
import { hasIpv6, ipv4, ofFamily } from './family.ts'
import { closedNetworksOf, type HostFacts, readHostFacts } from './host-facts.ts'
import { findDelayProblem } from './impairment.ts'
import type { HostServers } from './dns/resolv-conf.ts'
import { createUpstream } from './dns/upstream.ts'
import type { LiveVpc } from './live-vpc.ts'
import { createLiveVpcs } from './live-vpcs.ts'
import { haveOneNetwork } from './namespace.ts'
import { createNetworkWatch } from './network-watch.ts'
import type { NamespaceDependencies } from './holder.ts'
import { internetAddressesOf } from './internet-address.ts'
import { createBridgePorts } from './bridge-ports.ts'
import { createHostRoutes } from './host-routes.ts'
import { createIdleVpcs } from './idle-vpcs.ts'
import { createOverhearing } from './overhearing.ts'
import { createPublicForwarder } from './public-forwarder.ts'
import { createPeeringWires } from './peering-wires.ts'
import { planPublicPorts } from './public-ports.ts'

export interface NetworkDependencies extends NamespaceDependencies {
  readonly log: Logger
  readonly isRoot: boolean
  /** Serves 169.254.169.254 in a VPC. */
  readonly metadataListener: (vpcId: string) => RequestListener
  /** Makes the server of the EC2 API for guests of a VPC, not listening yet. */
  readonly guestApi: (vpcId: string) => Server
  /** Told what was counted of flows: after `readFlows`, and whenever what is counted changes. */
  readonly onFlowReading: (reading: FlowReading) => void
  /** Who answers what guests ask about the world. */
  readonly hostServers: HostServers
  /** That each interface may send to link-local services: metadata, DNS, the EC2 API. */
  readonly linkLocalPacketsPerSecond: number
  /** Whether guests reach the networks that the host is directly connected to. */
  readonly reachesLan: boolean
  /** Ports below this one need root. */
  readonly firstUnprivilegedPort: number
  /** How many ports of public addresses are offered at a time; 4,096 when absent. */
  readonly maximumPublicPorts?: number
  /** Whether the host gets routes to VPCs; needs root. */
  readonly isRouted?: boolean
  /** Bridges of the host that machines may be ports of; none when absent. */
  readonly bridges?: readonly string[]
  /** How long a namespace without a machine waits for the next one; a minute when absent. */
  readonly idleMs?: number
}

const defaultIdleMs = 60_000
/** A thousand idle ones of TCP take the daemon some 14 MB, of UDP 9 MB, and each is a file descriptor (Node 20). */
const defaultMaximumPublicPorts = 4096

export function createNetwork(dependencies: NetworkDependencies): Network {
  const { clock, log, hostServers, idleMs = defaultIdleMs } = dependencies
  const vpcs = createLiveVpcs({ ...dependencies, upstream: createUpstream({ servers: hostServers }) })
  /** The newest state that was asked for; a VPC that is absent shall end. */
  const wantedVpcs = new Map<string, VpcNetwork>()
  const idleVpcs = createIdleVpcs({ clock, log, idleMs, end: remove })
  /** Done when all VPCs that were to end have ended. */
  let endings: Promise<unknown> = Promise.resolve()
  const wires = createPeeringWires({
    processes: dependencies.processes,
    common: vpcs.common,
    findNamespace: (vpcId) => vpcs.find(vpcId)?.namespace,
    findWanted: (vpcId) => wantedVpcs.get(vpcId),
  })
  /** The wires that each VPC's routes and rules reckon with, by their peering connections. */
  const joined = new Map<string, ReadonlyMap<string, string>>()
  const settle = coalesceByKey(async (vpcId) => {
    const wanted = wantedVpcs.get(vpcId)
    if (wanted) return await bringTo(wanted)
    const ended = endLive(vpcId)
    endings = Promise.allSettled([endings, ended])
    await ended
  })
  /** What is not wholly offered, by VPC. */
  const partial = new Map<string, readonly PublicRange[]>()
  const overhearing = createOverhearing()
  const forwarder = createPublicForwarder({
    overhearing,
    clock,
    firstUnprivilegedPort: dependencies.firstUnprivilegedPort,
    maximumPorts: dependencies.maximumPublicPorts ?? defaultMaximumPublicPorts,
    bindUdp: async (vpcId) => await vpcs.ask(vpcId, (broker) => broker.bindUdp('0.0.0.0')),
    dial: async (vpcId, host, port, signal) => await vpcs.ask(vpcId, (broker) => broker.dial(host, port, signal)),
  })
  const bridgePorts = createBridgePorts({ ...dependencies, bridges: dependencies.bridges ?? [] })
  const hostRoutes = dependencies.isRouted ? createHostRoutes(dependencies) : undefined
  const ending = new AbortController()
  const watch = createNetworkWatch({ clock, log, signal: ending.signal, look })

  async function bringTo(told: VpcNetwork, isSecondTry = false): Promise<void> {
    watch.begin()
    const host = readHostFacts()
    // What a kernel without IPv6 can carry of it.
    const vpc = host.hasIpv6 ? told : { ...told, ipv6Cidrs: [] }
    const vpcLive = await vpcs.ensure(vpc)
    const wired = await wires.converge(vpc)
    joined.set(vpc.id, wired)
    const peerings = vpc.peerings.filter(({ id }) => wired.has(id))
    const owners = new Map(internetAddressesOf(vpc).map(({ publicIp, privateIp }) => [publicIp, privateIp]))
    const plan = planPublicPorts(vpc, ofFamily(ipv4, host.addresses))
    partial.set(vpc.id, plan.partial)
    const [result] = await Promise.allSettled([
      vpcLive.converge({ ...vpc, peerings, ...(hostRoutes ? { isRouted: true } : {}) }, host),
      forwarder.offer(vpc.id, plan.wanted, owners),
    ])
    tellPeers(vpc)
    if (result.status === 'rejected') {
      // A holder that died in the midst of it, or was dying when this daemon found it, is noticed now.
      if (isSecondTry || (await isProcessAlive(vpcLive.namespace.holder))) throw result.reason
      return await bringTo(told, true)
    }
    await bridgePorts.converge(vpc, vpcLive.namespace)
    await hostRoutes?.converge(vpc, vpcLive.namespace)
  }

  /** The other side of a wire that came or went has its routes and rules to change. */
  function tellPeers(vpc: VpcNetwork): void {
    for (const { id, peerVpcId } of vpc.peerings) {
      if (joined.get(peerVpcId)?.get(id) !== joined.get(vpc.id)?.get(id)) followPeer(peerVpcId)
    }
  }

  function followPeer(vpcId: string): void {
    if (!vpcs.find(vpcId) || !wantedVpcs.has(vpcId) || ending.signal.aborted) return
    settle(vpcId).catch((error: unknown) => {
      log.error({ vpcId, err: error }, 'network could not follow a peering connection')
    })
  }

  async function endLive(vpcId: string): Promise<void> {
    const released = vpcs.release(vpcId)
    partial.delete(vpcId)
    joined.delete(vpcId)
    await forwarder.offer(vpcId, [], new Map())
    await hostRoutes?.remove(vpcId)
    await bridgePorts.remove(vpcId)
    await vpcs.end(vpcId, released)
    for (const vpc of wantedVpcs.values()) {
      const lost = vpc.peerings.some(({ id, peerVpcId }) => peerVpcId === vpcId && joined.get(vpc.id)?.has(id))
      if (lost) followPeer(vpc.id)
    }
  }

  async function adopt(vpcIds: ReadonlySet<string>): Promise<void> {
    // Of a daemon that was killed, whether this one makes any or not.
    if (dependencies.isRoot) await createHostRoutes(dependencies).clean()
    await bridgePorts.clean(vpcIds)
    await vpcs.adopt(vpcIds)
  }

  function ipv6Warnings(): string[] {
    const isWanted = vpcs.list().some(({ namespace }) => {
      const wanted = wantedVpcs.get(namespace.vpcId)
      return wanted !== undefined && hasIpv6(wanted)
    })
    if (!isWanted || readHostFacts().hasIpv6) return []
    return ['instances have no IPv6: the kernel of this host has none (is it booted with ipv6.disable=1?)']
  }

  async function remove(vpcId: string): Promise<void> {
    idleVpcs.stop(vpcId)
    wantedVpcs.delete(vpcId)
    await settle(vpcId)
  }

  /** Starts again what died, follows the host's addresses, and tries again what could not be had. */
  async function look(): Promise<void> {
    const host = readHostFacts()
    if (vpcs.list().length > 0) await vpcs.common.use(async () => undefined).catch(tellCommonLost)
    await Promise.all(vpcs.list().map(async (vpcLive) => await lookAfter(vpcLive, host)))
    await forwarder.retry()
  }

  function tellCommonLost(error: unknown): void {
    log.error({ err: error }, 'the user namespace of the VPCs could not be made again')
  }

  async function lookAfter(vpcLive: LiveVpc, host: HostFacts): Promise<void> {
    const { vpcId, holder } = vpcLive.namespace
    try {
      const wanted = wantedVpcs.get(vpcId)
      const isMending = !(await isProcessAlive(holder)) || (await vpcLive.needsAttention(host))
      const hasLoose = wanted && ((await wires.needsAttention(wanted)) || (await bridgePorts.needsAttention(wanted)))
      if (!isMending && !hasLoose) return
      if (vpcs.find(vpcId) !== vpcLive || !wantedVpcs.has(vpcId) || ending.signal.aborted) return
      log.warn({ vpcId }, 'network is mended')
      await settle(vpcId)
    } catch (error) {
      log.error({ vpcId, err: error }, 'network could not be mended')
    }
  }

  return {
    converge: async (vpc) => {
      idleVpcs.stop(vpc.id)
      wantedVpcs.set(vpc.id, vpc)
      await settle(vpc.id)
    },
    idle: async (vpc) => {
      if (!vpcs.find(vpc.id)) return await remove(vpc.id)
      wantedVpcs.set(vpc.id, vpc)
      await settle(vpc.id)
      if (wantedVpcs.get(vpc.id) === vpc) idleVpcs.begin(vpc.id)
    },
    commandPrefix: (vpcId, tapNames) => {
      const vpcLive = vpcs.require(vpcId)
      for (const tapName of tapNames) {
        const problem = vpcLive.tapProblem(tapName) ?? bridgePorts.problemOf(tapName)
        if (problem !== undefined) throw new Error(problem)
      }
      return vpcLive.namespace.enter
    },
    isInside: async (vpcId, pid) => {
      const holder = vpcs.find(vpcId)?.namespace.holder
      return holder !== undefined && (await haveOneNetwork(holder.pid, pid))
    },
    remove,
    adopt,
    dial: async (vpcId, host, port, signal) => await vpcs.ask(vpcId, (broker) => broker.dial(host, port, signal)),
    dialFrom: async (vpcId, from, host, port, signal) =>
      await vpcs.ask(vpcId, (broker) => broker.dial(host, port, signal, from)),
    overhear: async (vpcId, host, port, signal) => await overhearing.overhear(vpcId, host, port, signal),
    dialAgain: (vpcId, host) => vpcs.find(vpcId)?.broker.dialAgain(host),
    bindUdp: async (vpcId, version) =>
      await vpcs.ask(vpcId, (broker) => broker.bindUdp(version === 6 ? '::' : '0.0.0.0')),
    resolve: async (vpcId, name) => await vpcs.ask(vpcId, (broker) => broker.resolve(name)),
    isLive: (vpcId) => vpcs.find(vpcId) !== undefined,
    readFlows: async () => {
      await Promise.all(
        vpcs.list().map(async (vpcLive) => {
          await vpcLive.readFlows().catch((error: unknown) => {
            log.warn({ vpcId: vpcLive.namespace.vpcId, err: error }, 'flows could not be read')
          })
        }),
      )
    },
    publicPorts: () => forwarder.ports(),
    droppedPackets: async (vpcId) => (await vpcs.find(vpcId)?.dropped()) ?? new Map(),
    bridgedAddresses: async (vpcId) => {
      const vpcLive = vpcs.find(vpcId)
      return vpcLive ? await bridgePorts.addressesOf(vpcLive.namespace) : new Map()
    },
    bridgeProblem: (bridge) => bridgePorts.bridgeProblem(bridge),
    closedNetworks: () => closedNetworksOf(readHostFacts(), dependencies.reachesLan),
    delayProblem: async () => await findDelayProblem(dependencies.processes),
    partialRanges: () => [...partial.values()].flat(),
    warnings: () => [
      ...vpcs.list().flatMap((vpcLive) => vpcLive.warnings()),
      ...ipv6Warnings(),
      ...wires.warnings(),
      ...forwarder.warnings(),
      ...(hostRoutes?.warnings() ?? []),
      ...bridgePorts.warnings(),
    ],
    close: async () => {
      ending.abort()
      await watch.ended()
      await hostRoutes?.clean()
      await bridgePorts.clean()
      // Nobody would end those without a machine later.
      const unused = [...wantedVpcs.values()].filter(({ interfaces }) => interfaces.length === 0)
      await Promise.all(unused.map(async ({ id }) => await remove(id)))
      await endings
      forwarder.close()
      for (const vpcLive of vpcs.list()) vpcLive.leave()
      await vpcs.endCommonUnlessUsed()
    },
  }
}
