import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { mtu } from '../../src/network/mtu.ts'
import type { Place } from './qperf.ts'

/** The reference: a plain Linux bridge with an address of its own. Its packets are as long as those of a VPC, and no rule is looked at. */
export interface Bridge {
  readonly host: Place
  /** A guest that is a namespace with a veth, as those of the VPC lab are (test/integration/network/vpc-lab.ts). */
  addGuest(index: number): Promise<Place>
  /** A tap for a machine, which gives itself that address. */
  addTap(index: number): Promise<string>
  end(): void
}

/** The address of a guest or machine on the bridge. */
export function bridgeAddress(index: number): string {
  return `10.99.0.${5 + index}`
}

export async function openBridge(): Promise<Bridge> {
  const started: ChildProcess[] = []
  const hostPid = await startNamespace(['unshare', '--user', '--map-root-user'])
  const host = enter(hostPid)
  await ip(host, 'link add br0 type bridge', 'addr add 10.99.0.1/24 dev br0', 'link set br0 up', 'link set lo up')
  const [program = '', ...rest] = host
  // Where the host has loaded br_netfilter, frames of a bridge go by the packet filter, too.
  await execa(program, [...rest, 'sysctl', '-qew', 'net.bridge.bridge-nf-call-iptables=0'])
  return {
    host,
    addGuest,
    addTap: async (index) => {
      const name = `tap${index}`
      await ip(host, `tuntap add name ${name} mode tap`, `link set ${name} mtu ${mtu.vpc} up master br0`)
      return name
    },
    end: () => {
      for (const child of started) child.kill('SIGKILL')
    },
  }

  async function startNamespace(prefix: readonly string[]): Promise<number> {
    const [program, ...rest] = [...prefix, 'unshare', '--net', 'sh', '-c', 'echo ready; exec tail -f /dev/null']
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    started.push(child)
    await once(child.stdout, 'data')
    return child.pid ?? 0
  }

  async function addGuest(index: number): Promise<Place> {
    const pid = await startNamespace(host)
    const guest = enter(pid)
    await ip(
      host,
      `link add port${index} mtu ${mtu.vpc} type veth peer name eth0 mtu ${mtu.vpc} netns ${pid}`,
      `link set port${index} up master br0`,
    )
    await ip(guest, `addr add ${bridgeAddress(index)}/24 dev eth0`, 'link set eth0 up', 'link set lo up')
    return guest
  }
}

function enter(pid: number): string[] {
  return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
}

async function ip(place: Place, ...commands: readonly string[]): Promise<void> {
  const [program = '', ...rest] = place
  for (const command of commands) await execa(program, [...rest, 'ip', ...command.split(' ')])
}
