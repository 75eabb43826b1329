import { createServer, type RequestListener, type Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Network, VpcNetwork } from '../ec2/ports/network.ts'
import { coalesceByKey } from '../host/coalesce.ts'
import { findProcesses, isProcessAlive, signalProcess } from '../host/process-table.ts'
import { convergeDnsmasq, describeSubnet } from './dnsmasq.ts'
import { ensureEgress, removeEgress } from './egress.ts'
import {
  createNamespace,
  findNamespaces,
  helperBridge,
  type Namespace,
  type NamespaceDependencies,
  runInside,
} from './namespace.ts'
import { createNamespaceBroker, type NamespaceBroker } from './namespace-broker.ts'
import { createPublicForwarder } from './public-forwarder.ts'
import { wantedPorts } from './public-ports.ts'
import { egressInterface, metadataAddress, resolverAddress, vpcRuleset } from './ruleset.ts'

export interface NetworkDependencies extends NamespaceDependencies {
  readonly log: Logger
  /** Serves 169.254.169.254 in a VPC. */
  readonly metadataListener: (vpcId: string) => RequestListener
  /** Ports below this one need root. */
  readonly firstUnprivilegedPort: number
}

/** Programs that are started for a VPC with a path of its directory among their arguments. */
const ownPrograms = /(^|\/)(dnsmasq|pasta(\.avx2)?|tail|unshare|nsenter)$/

/** What this daemon holds of a live VPC. */
interface LiveVpc {
  readonly namespace: Namespace
  readonly broker: NamespaceBroker
  readonly taps: Set<string>
  metadata?: Server
  hasAddresses: boolean
}

export function createNetwork(dependencies: NetworkDependencies): Network {
  const { processes, log, networksDirectory } = dependencies
  const live = new Map<string, LiveVpc>()
  const warnings = new Map<string, string>()
  /** The newest state that was asked for; a VPC that is absent shall end. */
  const wantedVpcs = new Map<string, VpcNetwork>()
  const settle = coalesceByKey(async (vpcId) => {
    const wanted = wantedVpcs.get(vpcId)
    await (wanted ? bringTo(wanted) : endLive(vpcId))
  })
  const forwarder = createPublicForwarder({
    firstUnprivilegedPort: dependencies.firstUnprivilegedPort,
    dial: async (vpcId, host, port) => await requireLive(vpcId).broker.dial(host, port, new AbortController().signal),
  })

  function requireLive(vpcId: string): LiveVpc {
    const found = live.get(vpcId)
    if (!found) throw new Error(`the VPC ${vpcId} has no network: no machine of it runs`)
    return found
  }

  function take(namespace: Namespace): LiveVpc {
    const taken: LiveVpc = {
      namespace,
      broker: createNamespaceBroker(processes, namespace.enter),
      taps: new Set(),
      hasAddresses: false,
    }
    live.set(namespace.vpcId, taken)
    return taken
  }

  async function ensureLive(vpcId: string): Promise<LiveVpc> {
    const present = live.get(vpcId)
    if (present && (await isProcessAlive(present.namespace.holder))) return present
    if (present) await endLive(vpcId)
    return take(await createNamespace(dependencies, vpcId))
  }

  async function bringTo(vpc: VpcNetwork): Promise<void> {
    const vpcLive = await ensureLive(vpc.id)
    const { namespace } = vpcLive
    await convergeInterfaces(vpcLive, vpc)
    const hostAddresses = listHostAddresses()
    await runInside(processes, namespace, ['nft', '-f', '-'], vpcRuleset(vpc, hostAddresses))
    await Promise.all([
      convergeDnsmasq(processes, namespace, vpc),
      serveMetadata(vpcLive),
      forwarder.offer(vpc.id, wantedPorts(vpc, hostAddresses)),
    ])
    if (vpc.subnets.some(({ hasInternetRoute }) => hasInternetRoute)) void offerEgress(namespace)
  }

  /** Taps and their routes: those that are wanted and no others. */
  async function convergeInterfaces(vpcLive: LiveVpc, vpc: VpcNetwork): Promise<void> {
    const wanted = new Set(vpc.interfaces.map(({ tapName }) => tapName))
    const batch: string[] = []
    if (!vpcLive.hasAddresses) {
      for (const { cidr } of vpc.subnets) {
        const { router, prefixLength } = describeSubnet(cidr)
        // noprefixroute: the subnet is not on the bridge, each address is behind its tap.
        batch.push(`addr replace ${router}/${prefixLength} dev ${helperBridge} noprefixroute`)
      }
      batch.push(`addr replace ${resolverAddress(vpc.cidr)}/32 dev lo`)
    }
    for (const tap of vpcLive.taps) if (!wanted.has(tap)) batch.push(`link del ${tap}`)
    for (const { tapName, privateIp } of vpc.interfaces) {
      if (vpcLive.taps.has(tapName)) continue
      batch.push(
        `tuntap add name ${tapName} mode tap`,
        `link set ${tapName} up`,
        `route replace ${privateIp}/32 dev ${tapName}`,
      )
    }
    if (batch.length > 0) await runInside(processes, vpcLive.namespace, ['ip', '-batch', '-'], `${batch.join('\n')}\n`)
    vpcLive.hasAddresses = true
    vpcLive.taps.clear()
    for (const tap of wanted) vpcLive.taps.add(tap)
  }

  async function serveMetadata(vpcLive: LiveVpc): Promise<void> {
    if (vpcLive.metadata) return
    const listening = await vpcLive.broker.listen(metadataAddress, 80)
    const server = createServer(dependencies.metadataListener(vpcLive.namespace.vpcId))
    listening.on('connection', (socket) => server.emit('connection', socket))
    server.on('close', () => listening.close())
    vpcLive.metadata = server
  }

  async function offerEgress(namespace: Namespace): Promise<void> {
    try {
      const problem = await ensureEgress(processes, namespace, dependencies.isRoot)
      if (problem === undefined) warnings.delete(namespace.vpcId)
      else if (warnings.get(namespace.vpcId) !== problem) {
        warnings.set(namespace.vpcId, problem)
        log.warn({ vpcId: namespace.vpcId, problem }, 'no egress')
      }
    } catch (error) {
      log.error({ vpcId: namespace.vpcId, err: error }, 'egress could not be set up')
    }
  }

  async function endLive(vpcId: string): Promise<void> {
    const present = live.get(vpcId)
    live.delete(vpcId)
    warnings.delete(vpcId)
    await forwarder.offer(vpcId, [])
    present?.metadata?.emit('close')
    present?.metadata?.closeAllConnections()
    present?.broker.close()
    if (present) await endNamespace(present.namespace)
  }

  async function endNamespace({ directory, holder }: Namespace): Promise<void> {
    await removeEgress(directory)
    // Whatever still names the directory (dnsmasq above all) goes with it.
    await endStrays(`${directory}/`)
    await signalProcess(holder, 'SIGKILL')
    await fsExtra.remove(directory)
  }

  async function adopt(vpcIds: ReadonlySet<string>): Promise<void> {
    for (const namespace of await findNamespaces(dependencies)) {
      if (!vpcIds.has(namespace.vpcId) || live.has(namespace.vpcId)) await endNamespace(namespace)
      else await takeOver(namespace)
    }
    await fsExtra.ensureDir(networksDirectory)
    for (const name of await fsExtra.readdir(networksDirectory)) {
      if (live.has(name)) continue
      await endStrays(`${networksDirectory}/${name}/`)
      await fsExtra.remove(`${networksDirectory}/${name}`)
    }
  }

  /** What a crash may have left half-made is made again; what is there is known by its names. */
  async function takeOver(namespace: Namespace): Promise<void> {
    const taken = take(namespace)
    const links = await runInside(processes, namespace, ['ip', '-o', 'link', 'show'])
    if (!links.includes(`${helperBridge}:`)) {
      live.delete(namespace.vpcId)
      await endNamespace(namespace)
      return
    }
    for (const [, name] of links.matchAll(/^\d+: (eni[0-9a-f]+)[:@]/gm)) if (name) taken.taps.add(name)
    const addresses = await runInside(processes, namespace, ['ip', '-o', '-4', 'addr', 'show', 'dev', helperBridge])
    taken.hasAddresses = addresses.trim() !== ''
  }

  async function endStrays(prefix: string): Promise<void> {
    const isOurs = (argv: readonly string[]) =>
      ownPrograms.test(argv[0] ?? '') && argv.some((argument) => argument.includes(prefix))
    for (const stray of await findProcesses(isOurs)) await signalProcess(stray, 'SIGKILL')
  }

  return {
    converge: async (vpc) => {
      wantedVpcs.set(vpc.id, vpc)
      await settle(vpc.id)
    },
    commandPrefix: (vpcId) => requireLive(vpcId).namespace.enter,
    remove: async (vpcId) => {
      wantedVpcs.delete(vpcId)
      await settle(vpcId)
    },
    adopt,
    dial: async (vpcId, host, port, signal) => await requireLive(vpcId).broker.dial(host, port, signal),
    publicPorts: () => forwarder.ports(),
    warnings: () => [
      ...warnings.values(),
      ...forwarder.ports().flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ],
    close: async () => {
      await forwarder.close()
      for (const { metadata, broker } of live.values()) {
        metadata?.emit('close')
        metadata?.closeAllConnections()
        broker.close()
      }
    },
  }
}

/** The host's own IPv4 addresses but for loopback: what guests must not reach by the way out. */
function listHostAddresses(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== egressInterface)
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
