import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { natDeviceOf, type NatGatewayNetwork, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { isProcessAlive } from '../host/process-table.ts'
import type { NamespaceDependencies } from './holder.ts'
import { mtu } from './mtu.ts'
import { createNamespaceBeside, describeNamespace, type Namespace, runInside } from './namespace.ts'
import { natRuleset } from './nat-ruleset.ts'
import { usedNatGateways } from './routing-table.ts'
import { describeSubnet } from './subnet.ts'
import { endProcess, natHolderFile } from './vpc-processes.ts'

/**
 * A VPC's NAT gateways. Each is a namespace of its own behind the VPC's router, like a guest that carries for others: its connections
 * are tracked where no other's are, and what leaves it meets the routes, the groups and the network ACLs of its own subnet.
 */
export interface NatGateways {
  /** Makes those that routes lead to, ends the others; answers what could not be had. */
  converge(vpc: VpcNetwork): Promise<readonly string[]>
  /** Whether one that is wanted has died. */
  needsAttention(): Promise<boolean>
  end(): Promise<void>
}

interface LiveGateway {
  readonly holder: ProcessIdentity
  /** What it was last brought to, by this daemon. */
  applied?: string
}

/** The gateway's own end of its wire. */
const ownDevice = 'eth0'

/** `adopted` are the holders that an earlier daemon started. */
export function createNatGateways(
  dependencies: NamespaceDependencies,
  vpcNamespace: Namespace,
  adopted: ReadonlyMap<string, ProcessIdentity> = new Map(),
): NatGateways {
  const { processes, clock, networksDirectory } = dependencies
  const { vpcId, directory } = vpcNamespace
  const live = new Map<string, LiveGateway>([...adopted].map(([id, holder]) => [id, { holder }]))

  async function bringTo(vpc: VpcNetwork, gateway: NatGatewayNetwork): Promise<void> {
    const present = live.get(gateway.id)
    if (present && !(await isProcessAlive(present.holder))) await end(gateway.id)
    const taken = live.get(gateway.id) ?? {
      holder: await createNamespaceBeside(dependencies, vpcNamespace, natHolderFile(gateway.id)),
    }
    live.set(gateway.id, taken)
    const setUp = natSetUp(vpc, gateway)
    const wanted = JSON.stringify(setUp)
    const device = natDeviceOf(gateway.id)
    const isWired = await hasDevice(taken.holder.pid, ownDevice)
    if (isWired && taken.applied === wanted) return
    const { pid } = taken.holder
    const own = await describeNamespace(networksDirectory, vpcId, taken.holder)
    if (!isWired) await runInside(processes, vpcNamespace, ['ip', ...wire(device, pid)])
    await runInside(processes, vpcNamespace, ['ip', 'link', 'set', device, 'mtu', String(mtu.natGateway), 'up'])
    await runInside(processes, own, ['ip', '-batch', '-'], `${setUp.addresses.join('\n')}\n`)
    await runInside(processes, own, ['sysctl', '-qw', ...setUp.settings])
    await runInside(processes, own, ['nft', '-f', '-'], setUp.ruleset)
    taken.applied = wanted
  }

  async function end(id: string): Promise<void> {
    const gateway = live.get(id)
    if (!gateway) return
    live.delete(id)
    // First, since a holder is found without its file, and a file without its holder is not.
    await rm(join(directory, natHolderFile(id)), { force: true })
    await endProcess(clock, gateway.holder, 'SIGKILL')
    // The wire goes with the namespace, but when the kernel gets to it.
    if (await hasDevice(vpcNamespace.holder.pid, natDeviceOf(id))) {
      await runInside(processes, vpcNamespace, ['ip', 'link', 'del', natDeviceOf(id)]).catch(() => '')
    }
  }

  return {
    converge: async (vpc) => {
      const wanted = usedNatGateways(vpc)
      const stale = [...live.keys()].filter((id) => !wanted.some((gateway) => gateway.id === id))
      await Promise.all(stale.map(end))
      const results = await Promise.allSettled(wanted.map(async (gateway) => await bringTo(vpc, gateway)))
      return results.flatMap((result, index) =>
        result.status === 'fulfilled' ? [] : [`${wanted[index]?.id} carries nothing: ${String(result.reason)}`],
      )
    },
    needsAttention: async () => {
      const alive = await Promise.all([...live.values()].map(({ holder }) => isProcessAlive(holder)))
      return alive.includes(false)
    },
    end: async () => {
      await Promise.all([...live.keys()].map(end))
    },
  }
}

/** What a gateway's namespace is made of once its wire is there; each part may be repeated. Pure. */
export function natSetUp(
  vpc: VpcNetwork,
  { subnetId, privateIp }: NatGatewayNetwork,
): { readonly addresses: string[]; readonly settings: string[]; readonly ruleset: string } {
  const { router } = describeSubnet(vpc.subnets.find(({ id }) => id === subnetId)?.cidr ?? vpc.cidr)
  return {
    addresses: [
      'link set lo up',
      `addr replace ${privateIp}/32 dev ${ownDevice}`,
      `link set ${ownDevice} mtu ${mtu.natGateway} up`,
      `route replace ${router} dev ${ownDevice} src ${privateIp}`,
      `route replace default via ${router} dev ${ownDevice} src ${privateIp}`,
    ],
    settings: [
      'net.ipv4.ip_forward=1',
      // What it carries comes and goes by the one wire: nobody is told of a shorter way.
      'net.ipv4.conf.all.send_redirects=0',
      `net.ipv4.conf.${ownDevice}.send_redirects=0`,
      'net.ipv4.conf.all.rp_filter=0',
      `net.ipv4.conf.${ownDevice}.rp_filter=0`,
      'net.ipv6.conf.all.disable_ipv6=1',
    ],
    ruleset: natRuleset(privateIp),
  }
}

function wire(deviceName: string, pid: number): string[] {
  return ['link', 'add', deviceName, 'type', 'veth', 'peer', 'name', ownDevice, 'netns', String(pid)]
}

async function hasDevice(pid: number, name: string): Promise<boolean> {
  const devices = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => '')
  return new RegExp(`^\\s*${name}:`, 'm').test(devices)
}
