import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { execa } from 'execa'
import pino from 'pino'
import type { FirewallGroup, FirewallRule } from '../../../src/ec2/ports/firewall.ts'
import type { Network } from '../../../src/ec2/ports/network.ts'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { InterfaceNetwork, VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { findProcesses } from '../../../src/host/process-table.ts'
import { mtu } from '../../../src/network/mtu.ts'
import { createNetwork, type NetworkDependencies } from '../../../src/network/network.ts'

/** A network of its own state directory, with guests that are namespaces of their own instead of machines. */
export interface VpcLab {
  /** The present daemon's network; `restart` gives another one. */
  network(): Network
  readonly networksDirectory: string
  /** As after a crash of the daemon: what it held is forgotten, what it started goes on. */
  restart(vpcIds: readonly string[]): Promise<void>
  /** A guest behind that interface. The VPC must have its namespace already; the interface works once a `converge` names it. */
  plug(vpcId: string, networkInterface: InterfaceNetwork, router?: string, prefixLength?: number): Promise<FakeGuest>
  /** A machine of the host's own network: a namespace beside the one that the test runs in. The test lays its wires, and needs root. */
  neighbour(): Promise<FakeGuest>
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
  /** Runs JavaScript in it that goes on until the lab closes; resolves once it has printed something. */
  start(script: string): Promise<void>
  /** Serves TCP at that port, greeting with `hello`, until the lab closes. */
  serve(port: number): Promise<void>
  /** Sends a packet that nobody on the way may cut; answers how many bytes one may have where a router said that it was too long. */
  toldMtu(host: string, packetBytes: number): Promise<number | undefined>
  /** How long the packet was that next brings a datagram to that port, in bytes; `send` is done meanwhile. */
  receivedBytes(port: number, send: () => Promise<unknown>): Promise<number>
  /** Answers each UDP datagram at that port, by IPv4 and IPv6, with the name, if any, where it came from, and what it said. */
  echoDatagrams(port: number, name?: string): Promise<void>
  /** Has a real DHCP client get its IPv6 addresses, as a guest's own would once a router has told it to; answers when it has some. */
  solicit(): Promise<void>
  /** What that client was told at last, in the words of its leases file. */
  ipv6Lease(): Promise<string>
  /** A namespace behind this guest, as a container would be: its packets leave with the guest's address. */
  container(): Promise<FakeGuest>
}

/** Of IPv4 and UDP. */
const headerBytes = 28

export const anywhere: FirewallRule = { protocol: 'all', cidr: '0.0.0.0/0' }
export const anywhereByIpv6: FirewallRule = { protocol: 'all', cidr: '::/0' }

/** A subnet with this route is a public one. */
export const toInternet: RouteNetwork = { destination: '0.0.0.0/0', target: { kind: 'internet' } }

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
    subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', routes: [toInternet] }],
    groups: [],
    prefixLists: [],
    interfaces: [],
    natGateways: [],
    peerings: [],
    ...changes,
  }
}

export async function openVpcLab(
  metadataListener: RequestListener,
  options: Partial<NetworkDependencies> = {},
): Promise<VpcLab> {
  const networksDirectory = await mkdtemp('/tmp/kiln-networks-')
  const ownDirectory = await mkdtemp('/tmp/kiln-lab-')
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
      onFlowReading: () => undefined,
      hostServers: { serversFor: async () => [] },
      linkLocalPacketsPerSecond: 8192,
      reachesLan: false,
      firstUnprivilegedPort: 1024,
      ...options,
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

  /** Runs JavaScript until the lab closes; it prints when it is ready. */
  async function startInBackground(prefix: readonly string[], script: string): Promise<void> {
    const [program, ...rest] = [...prefix, process.execPath, '-e', script]
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    started.push(child)
    await once(child.stdout, 'data')
  }

  function enter(pid: number): string[] {
    return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
  }

  function describeGuest(pid: number, prefix = enter(pid)): FakeGuest {
    const leasesFile = join(ownDirectory, `dhclient-${pid}.leases`)
    const evaluate = async <T>(body: string): Promise<T> => {
      // Node ends when it has nothing left to wait for but what only the body knows of: the time limit of a fetch is no reason to stay.
      const script = `setInterval(() => undefined, 1000); (async () => { ${body} })().then((value) => process.stdout.write(JSON.stringify(value ?? null), () => process.exit()))`
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
      start: async (script) => await startInBackground(prefix, script),
      serve: async (port) => {
        const script = `require('net').createServer((s) => { s.on('error', () => {}); s.write('hello\\n'); s.pipe(s) }).listen(${port}, () => console.log('ready'))`
        await startInBackground(prefix, script)
      },
      toldMtu: async (host, packetBytes) => {
        // Linux sets the don't-fragment bit by itself, and remembers what it is told (ip(7), IP_PMTUDISC_WANT).
        await evaluate(`await new Promise((resolve, reject) => {
          const socket = require('dgram').createSocket('udp4')
          socket.send(Buffer.alloc(${packetBytes - headerBytes}), 9, '${host}', (error) => (error ? reject(error) : resolve()))
        })`)
        let told: string | undefined
        for (let tries = 0; told === undefined && tries < 10; tries++) {
          told = / mtu (\d+)/.exec(await run(prefix, ['ip', 'route', 'get', host]))?.[1]
        }
        return told === undefined ? undefined : Number(told)
      },
      receivedBytes: async (port, send) => {
        const received = evaluate<number>(`return await new Promise((resolve) => {
          require('dgram').createSocket('udp4').on('message', ({ length }) => resolve(length + ${headerBytes})).bind(${port})
        })`)
        await until(async () => (await run(prefix, ['ss', '-Hlun', 'sport', '=', `:${port}`])) !== '')
        await send()
        return await received
      },
      echoDatagrams: async (port, name) => {
        const script = `const { once } = require('events')
          const sockets = ['udp4', 'udp6'].map((type) => require('dgram').createSocket({ type, ipv6Only: type === 'udp6' }))
          for (const s of sockets) s.on('message', (data, { address, port }) => s.send('${name === undefined ? '' : `${name} `}' + address + ':' + port + ' ' + data, port, address)).bind(${port})
          Promise.all(sockets.map((s) => once(s, 'listening'))).then(() => console.log('ready'))`
        await startInBackground(prefix, script)
      },
      solicit: async () => {
        const show = async (...what: readonly string[]) => await run(prefix, ['ip', '-6', ...what])
        await until(async () => (await show('route', 'show', 'default')).includes('proto ra'))
        // Until it is known to be nobody else's, no client speaks under the guest's link-local address.
        await until(async () => !(await show('addr', 'show', 'dev', 'eth0')).includes('tentative'))
        const script = join(import.meta.dirname, 'dhclient-script.sh')
        const files = ['-sf', script, '-lf', leasesFile, '-pf', `${leasesFile}.pid`]
        const [program, ...rest] = [...prefix, 'dhclient', '-6', '-d', ...files, 'eth0']
        // Stays, and renews what it has.
        started.push(spawn(program ?? '', rest, { stdio: 'ignore' }))
        const isUsable = (addresses: string) => addresses !== '' && !addresses.includes('tentative')
        await until(async () => isUsable(await show('addr', 'show', 'dev', 'eth0', 'scope', 'global')))
      },
      ipv6Lease: async () => await readFile(leasesFile, 'utf8'),
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
    plug: async (vpcId, { tapName, mac, privateIp }, router = routerOf(privateIp), prefixLength = 20) => {
      const prefix = network.commandPrefix(vpcId, [])
      const pid = await startNamespace(prefix)
      const peer = ['peer', 'name', 'eth0', 'address', mac, 'mtu', String(mtu.vpc), 'netns', String(pid)]
      await run(prefix, ['ip', 'link', 'add', tapName, 'type', 'veth', ...peer])
      await configure(pid, `${privateIp}/${prefixLength}`, router)
      return describeGuest(pid)
    },
    neighbour: async () => {
      const pid = await startNamespace([])
      return describeGuest(pid, ['nsenter', `--net=/proc/${pid}/ns/net`, '--'])
    },
    inside: async (vpcId, ...argv) => await run(network.commandPrefix(vpcId, []), argv),
    close: async (vpcIds) => {
      for (const child of started) child.kill('SIGKILL')
      await Promise.all(vpcIds.map(async (vpcId) => await network.remove(vpcId)))
      await network.close()
      const processes = await findProcesses((argv) => argv.some((argument) => argument.includes(networksDirectory)))
      const left = [...processes.map(({ argv }) => argv.join(' ')), ...(await readdir(networksDirectory))]
      await rm(networksDirectory, { recursive: true })
      await rm(ownDirectory, { recursive: true })
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
