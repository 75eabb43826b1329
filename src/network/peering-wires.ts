import type { VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { coalesceByKey } from '../host/coalesce.ts'
import type { ProcessHost } from '../host/process.ts'
import { type CommonUserNamespace, enterUserNamespace } from './common-user-namespace.ts'
import { mtu } from './mtu.ts'
import { type Namespace, runInside, toolTimeoutMs } from './namespace.ts'
import { peeringDeviceOf, peeringDevicePrefix } from './peering-device.ts'
import { readRouterState } from './router-state.ts'

/** The wires between VPCs that are peered: a veth with an end in each one's namespace. */
export interface PeeringWires {
  /**
   * Lays the wires of a VPC that both sides want, and takes away those that one of them does not; answers by the ids of the connections
   * which wires are there. Another wire in the place of one is another word: routes went with it.
   */
  converge(vpc: VpcNetwork): Promise<ReadonlyMap<string, string>>
  /** Whether a wire of the VPC has gone or could not be laid, so that `converge` has something to do. */
  needsAttention(vpc: VpcNetwork): Promise<boolean>
  warnings(): readonly string[]
}

export interface PeeringWireDependencies {
  readonly processes: ProcessHost
  readonly common: Pick<CommonUserNamespace, 'use'>
  /** A VPC's namespace, where it has one. */
  readonly findNamespace: (vpcId: string) => Namespace | undefined
  /** The newest that was asked for of a VPC; unknown of one that this daemon has found and was not told of yet. */
  readonly findWanted: (vpcId: string) => VpcNetwork | undefined
}

interface Side {
  readonly vpcId: string
  readonly namespace: Namespace | undefined
  readonly wanted: VpcNetwork | undefined
}

interface Problem {
  readonly text: string
  /** Nothing but another start of a VPC's servers changes it. */
  readonly isFinal: boolean
}

/**
 * The same at both ends: with ARP off the kernel sends to the device's own address, and so the wire needs neither addresses nor
 * neighbours.
 */
const wireAddress = '02:00:00:00:00:01'

export function createPeeringWires(dependencies: PeeringWireDependencies): PeeringWires {
  const { processes, common, findNamespace, findWanted } = dependencies
  /** By device: the VPCs at its ends, the connection's id, its MTU, what is wrong with it, and the holders that it was set up between. */
  const ends = new Map<string, readonly string[]>()
  const names = new Map<string, string>()
  const mtus = new Map<string, number>()
  const problems = new Map<string, Problem>()
  const ready = new Map<string, { readonly between: string; readonly wire: string }>()
  let laid = 0

  /** One after the other for each wire: both of its VPCs ask for it. */
  const settle = coalesceByKey(async (device) => {
    const sides = (ends.get(device) ?? []).map(
      (vpcId): Side => ({ vpcId, namespace: findNamespace(vpcId), wanted: findWanted(vpcId) }),
    )
    try {
      await settleWire(device, sides)
    } catch (error) {
      ready.delete(device)
      const why = error instanceof Error ? error.message : String(error)
      problems.set(device, { text: `${names.get(device)} carries nothing: ${why}`, isFinal: false })
    }
  })

  async function settleWire(device: string, sides: readonly Side[]): Promise<void> {
    const present = await Promise.all(sides.map(async ({ namespace }) => await hasDevice(namespace, device)))
    if (isUnwanted(device, sides)) {
      problems.delete(device)
      return await takeAway(device, sides, present)
    }
    if (!present.every(Boolean)) {
      ready.delete(device)
      // Of the other side nothing is known yet: what is there stays, so that its connections outlive a daemon.
      if (sides.some(({ wanted }) => !wanted)) return
      const unjoinable = await findUnjoinable(sides)
      if (unjoinable !== undefined) {
        problems.set(device, { text: `${names.get(device)} carries nothing: ${unjoinable}`, isFinal: true })
        return
      }
      await takeAway(device, sides, present)
      await lay(device, sides)
    }
    await setUp(device, sides)
    problems.delete(device)
  }

  async function takeAway(device: string, sides: readonly Side[], present: readonly boolean[]): Promise<void> {
    ready.delete(device)
    const [end] = sides.flatMap(({ namespace }, index) => (namespace && present[index] ? [namespace] : []))
    // The other end goes with it.
    if (end) await runInside(processes, end, ['ip', 'link', 'del', device]).catch(() => '')
  }

  /** Only who is in the user namespace that both are nested in has the rights over both. */
  async function lay(device: string, sides: readonly Side[]): Promise<void> {
    const [first, second] = sides.map(({ namespace }) => namespace?.holder.pid)
    if (first === undefined || second === undefined) return
    const end = [device, 'address', wireAddress]
    const link = ['ip', 'link', 'add', ...end, 'type', 'veth', 'peer', 'name', ...end, 'netns', String(second)]
    await common.use(async (key) => {
      const [program, ...rest] = [...enterUserNamespace(key, first), ...link] as const
      await processes.run({ argv: [program, ...rest], timeoutMs: toolTimeoutMs })
    })
  }

  async function setUp(device: string, sides: readonly Side[]): Promise<void> {
    const between = sides.map(({ namespace }) => namespace?.holder.pid).join()
    if (ready.get(device)?.between === between) return
    for (const { namespace } of sides) {
      if (!namespace) continue
      await runInside(processes, namespace, ['sysctl', '-qw', `net.ipv4.conf.${device}.rp_filter=0`])
      const length = String(mtus.get(device) ?? mtu.vpc)
      await runInside(processes, namespace, ['ip', 'link', 'set', device, 'mtu', length, 'arp', 'off', 'up'])
    }
    ready.set(device, { between, wire: `${device}#${++laid}` })
  }

  /** What keeps a wire from being laid for as long as these namespaces live; undefined for nothing. */
  async function findUnjoinable(sides: readonly Side[]): Promise<string | undefined> {
    const stray = await common.use(async (key) => sides.find(({ namespace }) => namespace?.nestedIn !== key.id))
    return (
      stray &&
      `the network of ${stray.vpcId} cannot be joined with others, since it was made by an earlier Kiln or all processes that keep networks were killed since. Stop the VPC's servers, wait a minute and start them.`
    )
  }

  return {
    converge: async (vpc) => {
      for (const { id, peerVpcId, isInterRegion } of vpc.peerings) {
        const device = peeringDeviceOf(id)
        names.set(device, id)
        mtus.set(device, isInterRegion ? mtu.interRegionPeering : mtu.vpc)
        if (!ends.get(device)?.includes(vpc.id)) ends.set(device, [vpc.id, peerVpcId])
      }
      const devices = (await devicesOf(findNamespace(vpc.id))).filter((name) => name.startsWith(peeringDevicePrefix))
      for (const device of devices) if (!ends.has(device)) ends.set(device, [vpc.id])
      const wanted = vpc.peerings.map(({ id }) => peeringDeviceOf(id))
      await Promise.all([...new Set([...wanted, ...devices])].map(settle))
      return new Map(
        vpc.peerings.flatMap(({ id }): [string, string][] => {
          const found = ready.get(peeringDeviceOf(id))
          return found ? [[id, found.wire]] : []
        }),
      )
    },
    needsAttention: async (vpc) => {
      const wanted = vpc.peerings.map(({ id }) => peeringDeviceOf(id))
      if (wanted.some((device) => problems.get(device)?.isFinal === false)) return true
      const expected = wanted.filter((device) => ready.has(device))
      if (expected.length === 0) return false
      const devices = await devicesOf(findNamespace(vpc.id))
      return expected.some((device) => !devices.includes(device))
    },
    warnings: () => [...problems.values()].map(({ text }) => text),
  }
}

/** Whether one side does not want it or has no network, or neither has a route over it. */
function isUnwanted(device: string, sides: readonly Side[]): boolean {
  const known = sides.flatMap(({ wanted }) => wanted ?? [])
  return (
    sides.length < 2 ||
    sides.some(({ namespace }) => !namespace) ||
    known.some((vpc) => !vpc.peerings.some(({ id }) => peeringDeviceOf(id) === device)) ||
    (known.length === sides.length && !known.some((vpc) => hasRouteOver(vpc, device)))
  )
}

function hasRouteOver({ subnets }: VpcNetwork, device: string): boolean {
  return subnets.some(({ routes }) =>
    routes.some(({ target }) => target.kind === 'peering' && peeringDeviceOf(target.peeringConnectionId) === device),
  )
}

async function hasDevice(namespace: Namespace | undefined, device: string): Promise<boolean> {
  return (await devicesOf(namespace)).includes(device)
}

async function devicesOf(namespace: Namespace | undefined): Promise<string[]> {
  if (!namespace) return []
  return [
    ...(await readRouterState(namespace.holder.pid).then(
      ({ devices }) => devices,
      () => new Set<string>(),
    )),
  ]
}
