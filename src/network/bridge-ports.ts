import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { BridgedDeviceNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessHost } from '../host/process.ts'
import { bridgedRuleset, bridgedTapPrefix, parseBridgedAddresses, wireOf, withoutBridged } from './bridged-ruleset.ts'
import { type Namespace, runInside, toolTimeoutMs } from './namespace.ts'
import { readRouterState } from './router-state.ts'

/**
 * Bridged mode: taps in VPCs' namespaces that are ports of bridges of the host. From each one a wire leads to the bridge: its end at the host
 * is a device with an alias of ours, and all that the host ever gets. The bridges themselves are never made, changed or removed.
 */
export interface BridgePorts {
  /** Why no machine can be a port of that bridge; undefined when it can. */
  bridgeProblem(bridge: string): string | undefined
  /** Makes the taps and wires of a VPC and takes those away that it has no use for. What fails is a problem of its tap. */
  converge(vpc: VpcNetwork, namespace: Namespace): Promise<void>
  /** Whether a port has gone, or one that could not be had can now. */
  needsAttention(vpc: VpcNetwork): Promise<boolean>
  /** Why a tap of a bridged device carries nothing; undefined when it does, and for other taps. */
  problemOf(tapName: string): string | undefined
  /** The IPv4 addresses that guests have taken on bridges, by tap, the latest first. */
  addressesOf(namespace: Namespace): Promise<ReadonlyMap<string, readonly string[]>>
  /** Takes all ports of a VPC away. */
  remove(vpcId: string): Promise<void>
  /** Takes all ports away that are not of those VPCs: what a daemon that was killed left. */
  clean(keptVpcIds?: ReadonlySet<string>): Promise<void>
  warnings(): string[]
}

export interface BridgePortDependencies {
  readonly processes: ProcessHost
  readonly networksDirectory: string
  readonly isRoot: boolean
  /** The bridges that the configuration allows. */
  readonly bridges: readonly string[]
  readonly log: Logger
}

const linksSchema = z.array(z.object({ ifname: z.string().optional(), ifalias: z.string().optional() }))

export function createBridgePorts(dependencies: BridgePortDependencies): BridgePorts {
  const { processes, networksDirectory, isRoot, bridges, log } = dependencies
  /** By VPC and tap. */
  const problems = new Map<string, ReadonlyMap<string, string>>()

  function bridgeProblem(bridge: string): string | undefined {
    if (!isRoot) return `Bridges of the host need root: run the daemon as root to put servers on ${bridge}`
    if (!bridges.includes(bridge)) {
      const named = bridges.length > 0 ? `names ${bridges.join(', ')}` : 'names none'
      return `${bridge} may not be used: network.bridges in config.yaml ${named}`
    }
    if (isBridge(bridge)) return undefined
    return existsSync(`${sysfs}/${bridge}`)
      ? `${bridge} of this host is no bridge`
      : `This host has no bridge ${bridge}`
  }

  async function ip(...argv: readonly string[]): Promise<string> {
    const { stdout } = await processes.run({ argv: ['ip', ...argv], timeoutMs: toolTimeoutMs })
    return stdout
  }

  async function ownPorts(): Promise<{ device: string; vpcId: string }[]> {
    const links = linksSchema.parse(JSON.parse(await ip('-j', 'link', 'show', 'type', 'veth')))
    const prefix = aliasOf(networksDirectory, '')
    return links.flatMap(({ ifname = '', ifalias = '' }) =>
      ifalias.startsWith(prefix) ? [{ device: ifname, vpcId: ifalias.slice(prefix.length) }] : [],
    )
  }

  /** A wire to the bridge, of which the guest's frames are the only ones. */
  async function lay(vpcId: string, wanted: BridgedDeviceNetwork, namespace: Namespace): Promise<void> {
    const { tapName, bridge, mac } = wanted
    const device = portDeviceOf(networksDirectory, vpcId, tapName)
    // A bridge that no MTU was set for takes the smallest of its ports: the host's own shall not change.
    const mtu = (await readFile(`${sysfs}/${bridge}/mtu`, 'utf8')).trim()
    const peer = ['peer', 'name', wireOf(tapName), 'mtu', mtu, 'netns', String(namespace.holder.pid)]
    // Nor shall its MAC, which is the lowest of its ports': one in 64 that the kernel makes up begins with `fe` too.
    const port = [device, 'address', `fe:ff${mac.slice(5)}`, 'mtu', mtu]
    await ip('link', 'add', ...port, 'type', 'veth', ...peer)
    await ip('link', 'set', device, 'alias', aliasOf(networksDirectory, vpcId))
    await ip('link', 'set', device, 'addrgenmode', 'none')
  }

  async function makePort(
    vpcId: string,
    wanted: BridgedDeviceNetwork,
    namespace: Namespace,
    inside: ReadonlySet<string>,
  ): Promise<void> {
    const { tapName, bridge } = wanted
    const device = portDeviceOf(networksDirectory, vpcId, tapName)
    const wire = wireOf(tapName)
    if (!inside.has(wire) || !existsSync(`${sysfs}/${device}`)) {
      await removePort(vpcId, tapName)
      await lay(vpcId, wanted, namespace)
    }
    await ip('link', 'set', device, 'master', bridge, 'up')
    const batch = [
      // A tap that is there may be QEMU's by now.
      ...(inside.has(tapName) ? [] : [`tuntap add name ${tapName} mode tap`]),
      ...[tapName, wire].map((name) => `link set ${name} addrgenmode none arp off`),
    ]
    await runInside(processes, namespace, ['ip', '-batch', '-'], `${batch.join('\n')}\n`)
    // The namespace's own stack says nothing there, not even to which multicast groups it belongs.
    const silent = [tapName, wire].map((name) => `net.ipv6.conf.${name}.disable_ipv6=1`)
    await runInside(processes, namespace, ['sysctl', '-qew', ...silent])
  }

  async function removePort(vpcId: string, tapName: string): Promise<void> {
    const device = portDeviceOf(networksDirectory, vpcId, tapName)
    // The end in the namespace goes with it.
    if (existsSync(`${sysfs}/${device}`)) await ip('link', 'del', device)
  }

  async function removeUnwanted(vpcId: string, taps: readonly string[], namespace: Namespace): Promise<void> {
    if (taps.length === 0) return
    for (const tapName of taps) await removePort(vpcId, tapName)
    const batch = taps.map((tapName) => `link del ${tapName}\n`).join('')
    await runInside(processes, namespace, ['ip', '-batch', '-'], batch)
    await runInside(processes, namespace, ['nft', '-f', '-'], withoutBridged(taps))
  }

  async function makePorts(
    vpcId: string,
    devices: readonly BridgedDeviceNetwork[],
    namespace: Namespace,
    inside: ReadonlySet<string>,
  ): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const wanted of devices) {
      const { tapName, bridge } = wanted
      try {
        const problem = bridgeProblem(bridge)
        if (problem !== undefined) throw new Error(problem)
        await makePort(vpcId, wanted, namespace, inside)
      } catch (error) {
        found.set(tapName, describe(error))
        await removePort(vpcId, tapName)
      }
    }
    const names = devices.map(({ tapName }) => tapName).filter((tapName) => !found.has(tapName))
    await runInside(processes, namespace, ['nft', '-f', '-'], bridgedRuleset(names))
    // Not before: nothing of the namespace may get out here, and nothing of the LAN in.
    const up = names.flatMap((name) => [`link set ${name} up`, `link set ${wireOf(name)} up`])
    if (up.length > 0) await runInside(processes, namespace, ['ip', '-batch', '-'], `${up.join('\n')}\n`)
    return found
  }

  async function converge({ id: vpcId, bridgedDevices = [] }: VpcNetwork, namespace: Namespace): Promise<void> {
    let found = new Map<string, string>()
    try {
      const { devices: inside } = await readRouterState(namespace.holder.pid)
      const taps = new Set(bridgedDevices.map(({ tapName }) => tapName))
      const unwanted = [...inside].filter((name) => name.startsWith(bridgedTapPrefix) && !taps.has(name))
      await removeUnwanted(vpcId, unwanted, namespace)
      if (bridgedDevices.length > 0) found = await makePorts(vpcId, bridgedDevices, namespace, inside)
    } catch (error) {
      log.error({ vpcId, err: error }, 'servers could not be put on bridges')
      for (const { tapName } of bridgedDevices) found.set(tapName, describe(error))
    }
    if (found.size > 0) problems.set(vpcId, found)
    else problems.delete(vpcId)
  }

  async function remove(vpcId: string): Promise<void> {
    problems.delete(vpcId)
    if (!isRoot) return
    for (const own of await ownPorts()) if (own.vpcId === vpcId) await ip('link', 'del', own.device)
  }

  async function isInPlace(vpcId: string, { tapName, bridge }: BridgedDeviceNetwork): Promise<boolean> {
    const master = `${sysfs}/${portDeviceOf(networksDirectory, vpcId, tapName)}/master`
    return basename(await readlink(master).catch(() => '')) === bridge
  }

  return {
    bridgeProblem,
    converge: async (vpc, namespace) => {
      if (isRoot) return await converge(vpc, namespace)
      const taps = (vpc.bridgedDevices ?? []).map(
        ({ tapName, bridge }) => [tapName, bridgeProblem(bridge) ?? ''] as const,
      )
      problems.set(vpc.id, new Map(taps))
    },
    needsAttention: async ({ id, bridgedDevices = [] }) => {
      const possible = bridgedDevices.filter(({ bridge }) => bridgeProblem(bridge) === undefined)
      if (possible.some(({ tapName }) => problems.get(id)?.has(tapName))) return true
      return !(await Promise.all(possible.map(async (device) => await isInPlace(id, device)))).every(Boolean)
    },
    problemOf: (tapName) => {
      for (const found of problems.values()) if (found.has(tapName)) return found.get(tapName)
      return undefined
    },
    addressesOf: async (namespace) =>
      parseBridgedAddresses(await runInside(processes, namespace, ['nft', '-j', 'list', 'sets', 'netdev'])),
    remove,
    clean: async (keptVpcIds = new Set()) => {
      if (!isRoot) return
      for (const { device, vpcId } of await ownPorts()) if (!keptVpcIds.has(vpcId)) await ip('link', 'del', device)
    },
    warnings: () =>
      [...problems].flatMap(([vpcId, found]) =>
        [...found.values()].map((why) => `a server of ${vpcId} is not on a bridge of the host: ${why}`),
      ),
  }
}

/** Where the kernel shows the devices of the daemon's own network namespace. */
const sysfs = '/sys/class/net'

function isBridge(name: string): boolean {
  return existsSync(`${sysfs}/${name}/bridge`)
}

/** The host's end of a tap's wire: at most 15 characters (IFNAMSIZ), the same for the same tap of the same state directory. Pure. */
function portDeviceOf(networksDirectory: string, vpcId: string, tapName: string): string {
  return `kiln${createHash('sha256').update(`${networksDirectory}/${vpcId}/${tapName}`).digest('hex').slice(0, 11)}`
}

function aliasOf(networksDirectory: string, vpcId: string): string {
  return `kiln-bridged ${networksDirectory} ${vpcId}`
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
