import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { execa } from 'execa'
import pino from 'pino'
import type {
  FirewallGroup,
  FirewallRule,
  InterfaceNetwork,
  Network,
  VpcNetwork,
} from '../../../src/ec2/ports/network.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { findProcesses } from '../../../src/host/process-table.ts'
import { createNetwork } from '../../../src/network/network.ts'

/** A network of its own state directory, with guests that are namespaces of their own instead of machines. */
export interface VpcLab {
  /** The present daemon's network; `restart` gives another one. */
  network(): Network
  readonly networksDirectory: string
  /** As after a crash of the daemon: what it held is forgotten, what it started goes on. */
  restart(vpcIds: readonly string[]): Promise<void>
  /** A guest behind that interface. The VPC must have its namespace already; the interface works once a `converge` names it. */
  plug(vpcId: string, networkInterface: InterfaceNetwork): Promise<FakeGuest>
  /** Runs a program in the VPC's namespace. */
  inside(vpcId: string, ...argv: readonly string[]): Promise<string>
  /** Ends all; answers what is left. */
  close(vpcIds: readonly string[]): Promise<string[]>
}

/** A network namespace in the place of a machine. */
export interface FakeGuest {
  readonly pid: number
  /** Runs a program in it. */
  run(...argv: readonly string[]): Promise<string>
  /** Runs JavaScript in it, an async function's body; answers what it returns. */
  evaluate<T>(body: string): Promise<T>
  /** What a TCP connection comes to: `open`, `silent`, or an error's code. */
  tcp(host: string, port: number): Promise<string>
  /** Serves TCP at that port, greeting with `hello`, until the lab closes. */
  serve(port: number): Promise<void>
  /** A namespace behind this guest, as a container would be: its packets leave with the guest's address. */
  container(): Promise<FakeGuest>
}

export const anywhere: FirewallRule = { protocol: 'all', cidr: '0.0.0.0/0' }

export function group(
  id: string,
  ingress: readonly FirewallRule[],
  egress: readonly FirewallRule[] = [anywhere],
): FirewallGroup {
  return { id, ingress, egress }
}

/** The interface with the address 172.31.0.NUMBER. */
export function networkInterface(number: number, changes: Partial<InterfaceNetwork> = {}): InterfaceNetwork {
  const hex = number.toString(16).padStart(2, '0')
  return {
    id: `eni-000000000000000${hex}`,
    tapName: `eni0000000000${hex}`,
    mac: `02:00:00:00:00:${hex}`,
    subnetId: 'subnet-1',
    privateIp: `172.31.0.${number}`,
    dnsNames: [`ip-172-31-0-${number}.ec2.internal`],
    groupIds: [],
    hasSourceDestCheck: true,
    metadata: { hopLimit: 1 },
    ...changes,
  }
}

export function vpc(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return {
    id: 'vpc-1',
    cidr: '172.31.0.0/16',
    secondaryCidrs: [],
    domain: 'ec2.internal',
    hasDns: true,
    dhcp: { domainName: 'ec2.internal', nameServers: ['AmazonProvidedDNS'], ntpServers: [] },
    subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', internetDestinations: ['0.0.0.0/0'] }],
    groups: [],
    prefixLists: [],
    interfaces: [],
    ...changes,
  }
}

export async function openVpcLab(metadataListener: RequestListener, idleMs?: number): Promise<VpcLab> {
  const networksDirectory = await mkdtemp('/tmp/kiln-networks-')
  const started: ChildProcess[] = []
  let network = create()

  function create(): Network {
    return createNetwork({
      processes: createProcessHost(),
      clock,
      log: pino({ level: process.env['LAB_LOG'] ?? 'silent' }),
      isRoot: process.getuid?.() === 0,
      networksDirectory,
      metadataListener: () => metadataListener,
      guestApi: () => createServer(),
      firstUnprivilegedPort: 1024,
      ...(idleMs === undefined ? {} : { idleMs }),
    })
  }

  async function run(prefix: readonly string[], argv: readonly string[]): Promise<string> {
    const [program = '', ...rest] = [...prefix, ...argv]
    return (await execa(program, rest)).stdout
  }

  /** A process in a new network namespace of the user namespace that `prefix` enters. */
  async function startNamespace(prefix: readonly string[]): Promise<number> {
    const [program, ...rest] = [...prefix, 'unshare', '--net', 'sh', '-c', 'echo ready; exec tail -f /dev/null']
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    started.push(child)
    await once(child.stdout, 'data')
    return child.pid ?? 0
  }

  function enter(pid: number): string[] {
    return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
  }

  function describeGuest(pid: number): FakeGuest {
    const prefix = enter(pid)
    const evaluate = async <T>(body: string): Promise<T> => {
      const script = `(async () => { ${body} })().then((value) => process.stdout.write(JSON.stringify(value ?? null), () => process.exit()))`
      return JSON.parse(await run(prefix, [process.execPath, '-e', script])) as T
    }
    return {
      pid,
      run: async (...argv) => await run(prefix, argv),
      evaluate,
      tcp: async (host, port) =>
        await evaluate<string>(`return await new Promise((resolve) => {
          const socket = require('net').connect({ host: '${host}', port: ${port}, timeout: 1500 })
          socket.on('connect', () => resolve('open'))
          socket.on('timeout', () => resolve('silent'))
          socket.on('error', (error) => resolve(error.code))
        })`),
      serve: async (port) => {
        const script = `require('net').createServer((s) => { s.on('error', () => {}); s.write('hello\\n'); s.pipe(s) }).listen(${port}, () => console.log('ready'))`
        const [program, ...rest] = [...prefix, process.execPath, '-e', script]
        const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
        started.push(child)
        await once(child.stdout, 'data')
      },
      container: async () => {
        const inner = await startNamespace(prefix)
        await run(prefix, [
          'ip',
          'link',
          'add',
          'docker0',
          'type',
          'veth',
          'peer',
          'name',
          'eth0',
          'netns',
          String(inner),
        ])
        await run(prefix, ['ip', 'addr', 'add', '10.88.0.1/24', 'dev', 'docker0'])
        await run(prefix, ['ip', 'link', 'set', 'docker0', 'up'])
        await run(prefix, ['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
        const masquerade =
          'add table ip n; add chain ip n p { type nat hook postrouting priority 100; }; add rule ip n p oifname eth0 masquerade'
        await run(prefix, ['nft', masquerade])
        await configure(inner, '10.88.0.2/24', '10.88.0.1')
        return describeGuest(inner)
      },
    }
  }

  async function configure(pid: number, address: string, router: string): Promise<void> {
    const prefix = enter(pid)
    for (const command of [
      `addr add ${address} dev eth0`,
      'link set lo up',
      'link set eth0 up',
      `route add default via ${router}`,
    ]) {
      await run(prefix, ['ip', ...command.split(' ')])
    }
  }

  return {
    network: () => network,
    networksDirectory,
    restart: async (vpcIds) => {
      await network.close()
      network = create()
      await network.adopt(new Set(vpcIds))
    },
    plug: async (vpcId, { tapName, mac, privateIp }) => {
      const prefix = network.commandPrefix(vpcId, [])
      const pid = await startNamespace(prefix)
      const peer = ['peer', 'name', 'eth0', 'address', mac, 'netns', String(pid)]
      await run(prefix, ['ip', 'link', 'add', tapName, 'type', 'veth', ...peer])
      await configure(pid, `${privateIp}/20`, routerOf(privateIp))
      return describeGuest(pid)
    },
    inside: async (vpcId, ...argv) => await run(network.commandPrefix(vpcId, []), argv),
    close: async (vpcIds) => {
      for (const child of started) child.kill('SIGKILL')
      await Promise.all(vpcIds.map(async (vpcId) => await network.remove(vpcId)))
      await network.close()
      const processes = await findProcesses((argv) => argv.some((argument) => argument.includes(networksDirectory)))
      const left = [...processes.map(({ argv }) => argv.join(' ')), ...(await readdir(networksDirectory))]
      await rm(networksDirectory, { recursive: true })
      return left
    },
  }
}

/** The first address of the /20 that an address lies in. */
function routerOf(address: string): string {
  const [first, second, third = '0'] = address.split('.')
  return `${first}.${second}.${Number(third) & 0xf0}.1`
}

/** Waits until `isDone`; the test's own limit ends a hang. */
export async function until(isDone: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isDone())) await clock.sleep(50)
}
