import type { RequestListener, Server } from 'node:http'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Network, VpcNetwork } from '../ec2/ports/network.ts'
import { coalesceByKey } from '../host/coalesce.ts'
import { isProcessAlive } from '../host/process-table.ts'
import { type HostFacts, readHostFacts } from './host-facts.ts'
import { createLiveVpc, type LiveVpc } from './live-vpc.ts'
import { createNamespace, describeNamespace, type NamespaceDependencies, rescueNamespace } from './namespace.ts'
import { internetAddressesOf } from './internet-address.ts'
import { createPublicForwarder } from './public-forwarder.ts'
import { wantedPorts } from './public-ports.ts'
import { endProcess, findMachinesOnTaps, findVpcProcesses, type VpcProcesses } from './vpc-processes.ts'

export interface NetworkDependencies extends NamespaceDependencies {
  readonly log: Logger
  readonly isRoot: boolean
  /** Serves 169.254.169.254 in a VPC. */
  readonly metadataListener: (vpcId: string) => RequestListener
  /** Makes the server of the EC2 API for guests of a VPC, not listening yet. */
  readonly guestApi: (vpcId: string) => Server
  /** Ports below this one need root. */
  readonly firstUnprivilegedPort: number
  /**
   * How long a namespace without a machine waits for the next one, a minute when absent: making it, and starting what lives in it, is half
   * of what a launch takes the daemon.
   */
  readonly idleMs?: number
}

const defaultIdleMs = 60_000

/** How long something that died is missed at most: a look is a few small files of /proc a VPC. */
const watchIntervalMs = 3000

export function createNetwork(dependencies: NetworkDependencies): Network {
  const { clock, log, networksDirectory, idleMs = defaultIdleMs } = dependencies
  const live = new Map<string, LiveVpc>()
  /** The newest state that was asked for; a VPC that is absent shall end. */
  const wantedVpcs = new Map<string, VpcNetwork>()
  /** VPCs with machines whose namespace's holder had died before this daemon came, with what else lived there. */
  const abandoned = new Map<string, VpcProcesses>()
  /** VPCs whose last machine has ended. */
  const idling = new Map<string, AbortController>()
  const settle = coalesceByKey(async (vpcId) => {
    const wanted = wantedVpcs.get(vpcId)
    await (wanted ? bringTo(wanted) : endLive(vpcId))
  })
  const forwarder = createPublicForwarder({
    firstUnprivilegedPort: dependencies.firstUnprivilegedPort,
    dial: async (vpcId, host, port, signal) => await requireLive(vpcId).broker.dial(host, port, signal),
  })
  const ending = new AbortController()
  let watch: Promise<void> | undefined

  function requireLive(vpcId: string): LiveVpc {
    const found = live.get(vpcId)
    if (!found) throw new Error(`the VPC ${vpcId} has no network: no machine of it runs`)
    return found
  }

  async function bringTo(vpc: VpcNetwork): Promise<void> {
    watch ??= watchOver().catch((error: unknown) => {
      if (!ending.signal.aborted) log.error({ err: error }, 'the networks are not watched any more')
    })
    const [vpcLive, host] = await Promise.all([ensureLive(vpc), readHostFacts()])
    const owners = new Map(internetAddressesOf(vpc).map(({ publicIp, privateIp }) => [publicIp, privateIp]))
    const [result] = await Promise.allSettled([
      vpcLive.converge(vpc, host),
      forwarder.offer(vpc.id, wantedPorts(vpc, host.addresses), owners),
    ])
    if (result.status === 'rejected') throw result.reason
  }

  async function ensureLive(vpc: VpcNetwork): Promise<LiveVpc> {
    const present = live.get(vpc.id)
    if (present && (await isProcessAlive(present.namespace.holder))) return present
    const left = abandoned.get(vpc.id)
    const rescued = present || left ? await rescue(vpc, present, left) : undefined
    const taken = rescued ?? createLiveVpc(dependencies, await createNamespace(dependencies, vpc.id))
    live.set(vpc.id, taken)
    abandoned.delete(vpc.id)
    return taken
  }

  /** The machines of a namespace whose holder died still live in it, and by them it is found again. */
  async function rescue(
    vpc: VpcNetwork,
    present: LiveVpc | undefined,
    left: VpcProcesses | undefined,
  ): Promise<LiveVpc | undefined> {
    log.error({ vpcId: vpc.id }, 'the holder of a namespace died')
    const inhabitants = [
      ...(present?.inhabitants() ?? []),
      ...(left?.dnsmasq ? [left.dnsmasq] : []),
      ...(await findMachinesOnTaps(vpc.interfaces.map(({ tapName }) => tapName))),
    ]
    const namespace = await rescueNamespace(dependencies, vpc.id, inhabitants)
    if (!namespace) {
      if (present) await present.end()
      await endAll(left)
      return undefined
    }
    log.warn({ vpcId: vpc.id }, 'the namespace has a new holder; its machines keep their network')
    present?.leave()
    const found = (await findVpcProcesses(networksDirectory)).get(vpc.id)
    return createLiveVpc(dependencies, namespace, found)
  }

  async function endLive(vpcId: string): Promise<void> {
    const present = live.get(vpcId)
    live.delete(vpcId)
    await forwarder.offer(vpcId, [], new Map())
    if (present) await present.end()
    await endAll(abandoned.get(vpcId))
    abandoned.delete(vpcId)
    await fsExtra.remove(join(networksDirectory, vpcId))
  }

  async function endAll(left: VpcProcesses | undefined): Promise<void> {
    if (!left) return
    const { pasta, dnsmasq, holder, others } = left
    if (pasta) await endProcess(clock, pasta, 'SIGTERM')
    for (const stray of [dnsmasq, holder, ...others]) if (stray) await endProcess(clock, stray, 'SIGKILL')
  }

  async function adopt(vpcIds: ReadonlySet<string>): Promise<void> {
    const found = await findVpcProcesses(networksDirectory)
    await fsExtra.ensureDir(networksDirectory)
    const names = new Set([...found.keys(), ...(await fsExtra.readdir(networksDirectory))])
    for (const name of names) {
      const left = found.get(name)
      if (!vpcIds.has(name)) {
        await endAll(left)
        await fsExtra.remove(join(networksDirectory, name))
      } else if (left?.holder) {
        await endAll({ others: left.others })
        live.set(name, createLiveVpc(dependencies, describeNamespace(networksDirectory, name, left.holder), left))
      } else abandoned.set(name, left ?? { others: [] })
    }
  }

  async function remove(vpcId: string): Promise<void> {
    stopIdling(vpcId)
    wantedVpcs.delete(vpcId)
    await settle(vpcId)
  }

  async function endAfterIdleness(vpcId: string): Promise<void> {
    const rest = new AbortController()
    idling.set(vpcId, rest)
    await clock.sleep(idleMs, rest.signal).catch(() => undefined)
    if (!rest.signal.aborted) await remove(vpcId)
  }

  function stopIdling(vpcId: string): void {
    idling.get(vpcId)?.abort()
    idling.delete(vpcId)
  }

  /** Starts again what died, follows the host's addresses and resolver, and tries again what could not be had. */
  async function watchOver(): Promise<void> {
    for (;;) {
      await clock.sleep(watchIntervalMs, ending.signal)
      const host = await readHostFacts()
      await Promise.all([...live.values()].map(async (vpcLive) => await lookAfter(vpcLive, host)))
      await forwarder.retry()
    }
  }

  async function lookAfter(vpcLive: LiveVpc, host: HostFacts): Promise<void> {
    const { vpcId, holder } = vpcLive.namespace
    try {
      if ((await isProcessAlive(holder)) && !(await vpcLive.needsAttention(host))) return
      if (live.get(vpcId) !== vpcLive || !wantedVpcs.has(vpcId) || ending.signal.aborted) return
      log.warn({ vpcId }, 'network is mended')
      await settle(vpcId)
    } catch (error) {
      log.error({ vpcId, err: error }, 'network could not be mended')
    }
  }

  return {
    converge: async (vpc) => {
      stopIdling(vpc.id)
      wantedVpcs.set(vpc.id, vpc)
      await settle(vpc.id)
    },
    idle: async (vpc) => {
      if (!live.has(vpc.id)) return await remove(vpc.id)
      wantedVpcs.set(vpc.id, vpc)
      await settle(vpc.id)
      if (idling.has(vpc.id) || wantedVpcs.get(vpc.id) !== vpc) return
      endAfterIdleness(vpc.id).catch((error: unknown) => {
        log.error({ vpcId: vpc.id, err: error }, 'an idle network could not be ended')
      })
    },
    commandPrefix: (vpcId, tapNames) => {
      const vpcLive = requireLive(vpcId)
      for (const tapName of tapNames) {
        const problem = vpcLive.tapProblem(tapName)
        if (problem !== undefined) throw new Error(problem)
      }
      return vpcLive.namespace.enter
    },
    remove,
    adopt,
    dial: async (vpcId, host, port, signal) => await requireLive(vpcId).broker.dial(host, port, signal),
    publicPorts: () => forwarder.ports(),
    warnings: () => [...[...live.values()].flatMap((vpcLive) => vpcLive.warnings()), ...forwarder.warnings()],
    close: async () => {
      ending.abort()
      await watch
      // Nobody would end those without a machine later.
      const unused = [...wantedVpcs.values()].filter(({ interfaces }) => interfaces.length === 0)
      await Promise.all(unused.map(async ({ id }) => await remove(id)))
      forwarder.close()
      for (const vpcLive of live.values()) vpcLive.leave()
    },
  }
}
