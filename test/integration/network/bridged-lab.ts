import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { group, networkInterface, openVpcLab, until, vpc } from './vpc-lab.ts'

// Run in namespaces of its own, in the place of a host's: what bridged mode does to it, and that nothing of it stays. Prints JSON.

/** Nothing may reach it and it may reach nothing, as far as groups go. */
const own = networkInterface(5, { groupIds: ['sg-1'] })
const device = { tapName: 'lan000000000010', bridge: 'br0', mac: '52:4b:00:00:00:05' }
const bare = vpc({ groups: [group('sg-1', [], [])], interfaces: [own] })
const wanted = { ...bare, bridgedDevices: [device] }

const started: ChildProcess[] = []

async function start(prefix: readonly string[], ...argv: readonly string[]): Promise<number> {
  const [program = '', ...rest] = [...prefix, ...argv]
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

async function ip(...words: readonly string[]): Promise<string> {
  return (await execa('ip', words)).stdout
}

/** The host's devices, routes, rules and firewall. */
async function look(): Promise<string> {
  const links = JSON.parse(await ip('-j', 'link')) as { ifname: string }[]
  const routing = await Promise.all([ip('-4', 'route', 'show', 'table', 'all'), ip('rule')])
  const names = links.map(({ ifname }) => ifname).toSorted()
  return [...names, ...routing, (await execa('nft', ['list', 'ruleset'])).stdout].join('\n')
}

/** What a port may change of a bridge: its MAC and its MTU. */
async function describeBridge(): Promise<string> {
  const [{ address, mtu } = {}] = JSON.parse(await ip('-j', 'link', 'show', 'br0')) as {
    address?: string
    mtu?: number
  }[]
  return `${address} ${mtu}`
}

async function portsOf(bridge: string): Promise<number> {
  return (JSON.parse(await ip('-j', 'link', 'show', 'type', 'veth', 'master', bridge)) as unknown[]).length
}

/** What another machine of the LAN gets from there. */
async function dialFromLan(host: string, port: number): Promise<string> {
  const script = `const s = require('net').connect({ host: '${host}', port: ${port}, timeout: 1500 })
    s.on('data', (data) => { console.log(String(data).trim()); process.exit() })
    s.on('timeout', () => { console.log('silent'); process.exit() })
    s.on('error', (error) => { console.log(error.code); process.exit() })`
  return (await execa(inLan[0] ?? '', [...inLan.slice(1), process.execPath, '-e', script])).stdout
}

// The host with its bridge, and another machine of the LAN.
await ip('link', 'set', 'lo', 'up')
await ip('link', 'add', 'br0', 'type', 'bridge')
const lan = await start(['unshare', '--net'], 'sh', '-c', 'echo ready; exec tail -f /dev/null')
const inLan = ['nsenter', '-t', String(lan), '-n', '--']
await ip(...'link add port0 mtu 1400 type veth peer name eth0 mtu 1400 netns'.split(' '), String(lan))
await ip('link', 'set', 'port0', 'master', 'br0', 'up')
await ip('link', 'set', 'br0', 'up')
await ip('addr', 'add', '192.168.77.1/24', 'dev', 'br0')
for (const words of ['addr add 192.168.77.10/24 dev eth0', 'link set eth0 up'])
  await execa(inLan[0] ?? '', [...inLan.slice(1), 'ip', ...words.split(' ')])
const greet = `require('net').createServer((s) => { s.on('error', () => {}); s.end('lan by ' + s.remoteAddress + '\\n') }).listen(8080, '0.0.0.0', () => console.log('ready'))`
await start(inLan, process.execPath, '-e', greet)
// Its state stays "unknown" until something has been sent.
await dialFromLan('192.168.77.1', 1)
await execa(inLan[0] ?? '', [...inLan.slice(1), 'ip', 'route', 'add', '172.31.0.0/16', 'dev', 'eth0'])
const before = await look()
const bridgeBefore = await describeBridge()

const lab = await openVpcLab((_, response) => response.end('metadata'), { bridges: ['br0', 'br9', 'lo'] })
const problems = ['br0', 'br1', 'br9', 'lo'].map((bridge) => lab.network().bridgeProblem(bridge) ?? 'none')
await lab.network().converge(vpc())
const guest = await lab.plug('vpc-1', own)
const peer = ['peer', 'name', 'eth1', 'address', device.mac, 'netns', String(guest.pid)]
await lab.inside('vpc-1', 'ip', 'link', 'add', device.tapName, 'type', 'veth', ...peer)
await lab.network().converge(wanted)
await guest.run('ip', 'addr', 'add', '192.168.77.50/24', 'dev', 'eth1')
await guest.run('ip', 'link', 'set', 'eth1', 'up')
await guest.serve(8081)
const out = await guest.tcp('192.168.77.10', 8080)
const inward = await dialFromLan('192.168.77.50', 8081)
const neighbours = JSON.parse(await guest.run('ip', '-j', 'neigh', 'show', 'dev', 'eth1')) as { dst: string }[]
const asLanSees = (await execa(inLan[0] ?? '', [...inLan.slice(1), 'ip', 'neigh', 'show', '192.168.77.50'])).stdout
const seen = (await lab.network().bridgedAddresses('vpc-1')).get(device.tapName)
// What the VPC has of the LAN: nothing, neither by its router's neighbours nor by what its router answers.
const fromRouter = await lab.inside('vpc-1', 'ip', 'neigh')
const toRouter = await dialFromLan('172.31.0.1', 53)
const isSameBridge = (await describeBridge()) === bridgeBefore

// A VPC's server that is on a bridge which is not there is told of, and started by nobody.
await lab.network().converge(vpc({ id: 'vpc-2', bridgedDevices: [{ ...device, bridge: 'br9' }] }))
const absent = lab
  .network()
  .warnings()
  .filter((line) => line.includes('vpc-2'))
let refused = 'started'
try {
  lab.network().commandPrefix('vpc-2', [device.tapName])
} catch (error) {
  refused = (error as Error).message
}
await lab.network().remove('vpc-2')

// The host makes its bridge anew, as when its network is restarted.
await ip('link', 'del', 'br0')
await ip('link', 'add', 'br0', 'type', 'bridge')
await ip('link', 'set', 'port0', 'master', 'br0')
await ip('link', 'set', 'br0', 'up')
await ip('addr', 'add', '192.168.77.1/24', 'dev', 'br0')
await until(async () => (await portsOf('br0')) === 2)
await until(async () => (await guest.tcp('192.168.77.10', 8080)) === 'open')
const anew = await dialFromLan('192.168.77.50', 8081)

// A daemon that ends leaves the bridge as it was; what one that was killed left goes when the next one starts.
await ip('link', 'add', 'kilnstale', 'type', 'veth', 'peer', 'name', 'stale0')
await ip('link', 'set', 'kilnstale', 'alias', `kiln-bridged ${lab.networksDirectory} vpc-9`)
await ip('link', 'set', 'kilnstale', 'master', 'br0')
await lab.restart(['vpc-1'])
const portsBetween = await portsOf('br0')
await lab.network().converge(wanted)
await until(async () => (await guest.tcp('192.168.77.10', 8080)) === 'open')
const again = await dialFromLan('192.168.77.50', 8081)

// The server ends, its VPC goes on.
await lab.network().converge(bare)
const portsAfter = await portsOf('br0')
const inside = await lab.inside('vpc-1', 'ip', '-o', 'link')
const left = await lab.close(['vpc-1'])
const after = await look()
for (const child of started) child.kill('SIGKILL')
process.stdout.write(
  JSON.stringify({
    problems,
    out,
    inward,
    neighbours: neighbours.map(({ dst }) => dst),
    isOwnMac: asLanSees.includes(device.mac),
    seen,
    knowsLan: fromRouter.includes('192.168.77'),
    isRouterThere: toRouter !== 'silent' && toRouter !== 'EHOSTUNREACH',
    isSameBridge,
    absent,
    refused,
    anew,
    portsBetween,
    again,
    portsAfter,
    hasDevices: /\b(lan|ext)0/.test(inside),
    left,
    isAsBefore: after === before,
  }),
  () => process.exit(),
)
