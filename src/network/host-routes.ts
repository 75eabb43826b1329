import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { z } from 'zod'
import ipaddr from 'ipaddr.js'
import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessHost } from '../host/process.ts'
import { createKeyedLock } from '../host/keyed-lock.ts'
import { blocksOf, type Family, familiesOf, familyOf, hasIpv6, ipv4 } from './family.ts'
import { hostAddress, hostDevice, hostIpv6Address } from './host-device.ts'
import { type Namespace, runInside, toolTimeoutMs } from './namespace.ts'
import { routerIpv6Address } from './service-address.ts'

/**
 * Routed mode: wires from the host into VPCs, and routes of the host to their blocks. Only root can have it. All that it makes are
 * devices of the host with an alias of ours; routes and addresses go with them.
 */
export interface HostRoutes {
  /** Routes to all blocks of the VPC, or to none: a block that the host has a use for already is refused by a warning. */
  converge(vpc: VpcNetwork, namespace: Namespace): Promise<void>
  remove(vpcId: string): Promise<void>
  /** Removes what a daemon that was killed left. */
  clean(): Promise<void>
  warnings(): string[]
}

/** The wire's ends among themselves by IPv6, where no address is looked for without one. */
const hostLinkLocal = 'fe80::2/64'
const vpcLinkLocal = `${routerIpv6Address}/64`

/** Before the rules that choose a table by the subnet (kernel-routing.ts): answers to the host go back to it. */
const rulePriority = 90

const linksSchema = z.array(z.object({ ifname: z.string().optional(), ifalias: z.string().optional() }))
const routesSchema = z.array(z.object({ dst: z.string().optional(), dev: z.string().optional() }))

export function createHostRoutes({
  processes,
  networksDirectory,
  log,
}: {
  readonly processes: ProcessHost
  readonly networksDirectory: string
  readonly log: Logger
}): HostRoutes {
  const problems = new Map<string, string>()
  /** What is in place: device and blocks, for one namespace. */
  const made = new Map<string, string>()
  // One after the other: two VPCs must not both find the same block free.
  const lock = createKeyedLock()
  const inTurn = async (work: () => Promise<void>) => await lock.run('host', new AbortController().signal, work)

  async function ip(...argv: readonly string[]): Promise<string> {
    const { stdout } = await processes.run({ argv: ['ip', ...argv], timeoutMs: toolTimeoutMs })
    return stdout
  }

  async function ownDevices(): Promise<{ device: string; vpcId: string }[]> {
    const links = linksSchema.parse(JSON.parse(await ip('-j', 'link', 'show', 'type', 'veth')))
    const prefix = aliasOf(networksDirectory, '')
    return links.flatMap(({ ifname = '', ifalias = '' }) =>
      ifalias.startsWith(prefix) ? [{ device: ifname, vpcId: ifalias.slice(prefix.length) }] : [],
    )
  }

  async function remove(vpcId: string): Promise<void> {
    problems.delete(vpcId)
    made.delete(vpcId)
    for (const own of await ownDevices()) if (own.vpcId === vpcId) await ip('link', 'del', own.device)
  }

  async function build(vpc: VpcNetwork, namespace: Namespace): Promise<void> {
    const device = deviceOf(networksDirectory, vpc.id)
    const peer = ['peer', 'name', hostDevice, 'netns', String(namespace.holder.pid)]
    // By its alias it is found again, so it has that from the beginning.
    await ip('link', 'add', device, 'type', 'veth', ...peer)
    await ip('link', 'set', device, 'alias', aliasOf(networksDirectory, vpc.id))
    await ip('link', 'set', device, 'addrgenmode', 'none', 'up')
    await ip('addr', 'add', `${hostAddress}/32`, 'dev', device, 'scope', 'link')
    const inside = [
      `link set ${hostDevice} addrgenmode none`,
      `link set ${hostDevice} up`,
      `ntable change name arp_cache dev ${hostDevice} proxy_delay 0`,
      `route replace ${hostAddress}/32 dev ${hostDevice}`,
      `rule del to ${hostAddress} lookup main priority ${rulePriority}`,
      `rule add to ${hostAddress} lookup main priority ${rulePriority}`,
    ]
    await runInside(processes, namespace, ['ip', '-force', '-batch', '-'], `${inside.join('\n')}\n`).catch(() => '')
    if (hasIpv6(vpc)) await buildIpv6(device, namespace)
    for (const family of familiesOf(vpc)) {
      for (const block of blocksOf(vpc, family)) await ip(...routeTo(block, device, family))
    }
  }

  async function buildIpv6(device: string, namespace: Namespace): Promise<void> {
    // A host where it is turned off by sysctl has it on this device alone.
    const turnOn = (name: string): [string, ...string[]] => ['sysctl', '-qw', `net.ipv6.conf.${name}.disable_ipv6=0`]
    await processes.run({ argv: turnOn(device), timeoutMs: toolTimeoutMs })
    await ip('-6', 'addr', 'add', hostLinkLocal, 'dev', device, 'nodad')
    await ip('-6', 'addr', 'add', `${hostIpv6Address}/128`, 'dev', device, 'nodad')
    await runInside(processes, namespace, turnOn(hostDevice))
    const inside = [
      `addr replace ${vpcLinkLocal} dev ${hostDevice} nodad`,
      `route replace ${hostIpv6Address}/128 dev ${hostDevice}`,
      `rule del to ${hostIpv6Address} lookup main priority ${rulePriority}`,
      `rule add to ${hostIpv6Address} lookup main priority ${rulePriority}`,
    ]
    await runInside(processes, namespace, ['ip', '-6', '-force', '-batch', '-'], `${inside.join('\n')}\n`).catch(
      () => '',
    )
  }

  async function routesOfHost(family: Family): Promise<z.infer<typeof routesSchema>> {
    const said = await ip('-j', optionOf(family), 'route', 'show', 'table', 'all')
    // Older versions of ip print nothing at all where there are none.
    return routesSchema.parse(JSON.parse(said === '' ? '[]' : said))
  }

  async function findOverlapOf(vpc: VpcNetwork): Promise<string | undefined> {
    for (const family of familiesOf(vpc)) {
      const overlap = findOverlap(blocksOf(vpc, family), await routesOfHost(family))
      if (overlap !== undefined) return overlap
    }
    return undefined
  }

  return {
    converge: async (vpc, namespace) =>
      await inTurn(async () => {
        const blocks = familiesOf(vpc).flatMap((family) => blocksOf(vpc, family))
        const wanted = `${namespace.holder.pid} ${blocks.join()}`
        if (made.get(vpc.id) === wanted) return
        await remove(vpc.id)
        const overlap = await findOverlapOf(vpc)
        if (overlap) {
          const why = `the host has no routes to ${vpc.id}: ${overlap}`
          problems.set(vpc.id, why)
          log.warn({ vpcId: vpc.id, why }, 'VPC is not routed')
          return
        }
        try {
          await build(vpc, namespace)
          made.set(vpc.id, wanted)
        } catch (error) {
          await remove(vpc.id)
          problems.set(
            vpc.id,
            `the host has no routes to ${vpc.id}: ${error instanceof Error ? error.message : 'unknown'}`,
          )
          log.error({ vpcId: vpc.id, err: error }, 'VPC could not be routed')
        }
      }),
    remove: async (vpcId) => await inTurn(async () => await remove(vpcId)),
    clean: async () =>
      await inTurn(async () => {
        for (const { device } of await ownDevices()) await ip('link', 'del', device)
        made.clear()
      }),
    warnings: () => [...problems.values()],
  }
}

/** Which of the host's routes a block would be in the way of; its default route is for what nothing else is. Pure. */
export function findOverlap(
  blocks: readonly string[],
  routes: readonly { readonly dst?: string | undefined; readonly dev?: string | undefined }[],
): string | undefined {
  for (const block of blocks) {
    const family = familyOf(block)
    for (const { dst = 'default', dev = 'nothing' } of routes) {
      if (dst === 'default' || familyOf(dst) !== family) continue
      const other = dst.includes('/') ? dst : `${dst}/${family === ipv4 ? 32 : 128}`
      const [a, b] = [ipaddr.parseCIDR(block), ipaddr.parseCIDR(other)]
      const [shorter, longer] = a[1] < b[1] ? [a, b] : [b, a]
      if (longer[0].match(shorter[0], shorter[1])) return `${block} overlaps with ${dst}, which leads to ${dev} already`
    }
  }
  return undefined
}

/** On the wire every guest's address is looked for by ARP, which the VPC's router answers for all; by IPv6 the router itself is. */
function routeTo(block: string, device: string, family: Family): string[] {
  return family === ipv4
    ? ['route', 'add', block, 'dev', device, 'src', hostAddress]
    : ['-6', 'route', 'add', block, 'via', routerIpv6Address, 'dev', device, 'src', hostIpv6Address]
}

function optionOf(family: Family): string {
  return family === ipv4 ? '-4' : '-6'
}

/** At most 15 characters (IFNAMSIZ), the same for the same VPC of the same state directory. Pure. */
export function deviceOf(networksDirectory: string, vpcId: string): string {
  return `kiln${createHash('sha256').update(`${networksDirectory}/${vpcId}`).digest('hex').slice(0, 11)}`
}

function aliasOf(networksDirectory: string, vpcId: string): string {
  return `kiln ${networksDirectory} ${vpcId}`
}
