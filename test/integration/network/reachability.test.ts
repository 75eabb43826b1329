import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { analysePath } from '../../../src/ec2/reachability/analyse-path.ts'
import { createDice, interfaceAt, places, ports, randomVpc } from './random-vpc.ts'
import { type FakeGuest, openVpcLab, vpc, type VpcLab } from './vpc-lab.ts'

// What the analysis says of VPCs that were thrown by dice, against what packets do in them. Another seed: KILN_SEED=7.
const seed = Number(process.env['KILN_SEED'] ?? 1)
const rounds = Number(process.env['KILN_ROUNDS'] ?? 16)

let lab: VpcLab
const probers: Prober[] = []

/** A guest that serves each port and tries connections; asking for several at once costs no program. */
interface Prober {
  /** Whether a connection comes about. */
  reaches(address: string, port: number, patienceMs: number): Promise<boolean>
  end(): void
}

const script = `
  const servers = ${JSON.stringify(ports)}.map((port) => require('net').createServer((socket) => socket.destroy()).listen(port))
  Promise.all(servers.map((server) => require('events').once(server, 'listening'))).then(() => console.log('{"id":0}'))
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, host, port, timeout } = JSON.parse(line)
    const tell = (outcome) => { socket.destroy(); console.log(JSON.stringify({ id, outcome })) }
    const socket = require('net').connect({ host, port, timeout })
    socket.on('connect', () => tell('open')).on('timeout', () => tell('silent')).on('error', ({ code }) => tell(code))
  })`

async function createProber({ pid }: FakeGuest): Promise<Prober> {
  const argv = ['-t', String(pid), '-U', '-n', '--preserve-credentials', '--', process.execPath, '-e', script]
  const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<number, (outcome: string) => void>()
  let last = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, outcome } = JSON.parse(line) as { id: number; outcome: string }
    waiting.get(id)?.(outcome)
    waiting.delete(id)
  })
  await new Promise<string>((resolve) => waiting.set(0, resolve))
  return {
    reaches: async (host, port, timeout) => {
      const id = ++last
      const outcome = await new Promise<string>((resolve) => {
        waiting.set(id, resolve)
        child.stdin.write(`${JSON.stringify({ id, host, port, timeout })}\n`)
      })
      return outcome === 'open'
    },
    end: () => child.kill('SIGKILL'),
  }
}

beforeAll(async () => {
  lab = await openVpcLab((_, response) => response.end())
  await lab.network().converge(vpc())
  for (const place of places) {
    const guest = await lab.plug('vpc-1', interfaceAt(place))
    // The router of the lab, and what others do without harm.
    await guest.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.send_redirects=0')
    await guest.run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.eth0.send_redirects=0')
    await guest.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
    await guest.run('ip', 'addr', 'add', `${place.ipv6}/128`, 'dev', 'eth0', 'nodad')
    await guest.run('ip', '-6', 'route', 'replace', 'default', 'via', 'fe80::1', 'dev', 'eth0')
    probers.push(await createProber(guest))
  }
})
afterAll(async () => {
  for (const prober of probers) prober.end()
  expect(await lab.close(['vpc-1'])).toEqual([])
})

function analyse(network: VpcNetwork, from: number, to: number, address: string, port: number) {
  const end = (index: number) => {
    const owner = network.interfaces[index]
    if (!owner) throw new Error(`no interface ${index}`)
    return { kind: 'interface', owner } as const
  }
  return analysePath(network, { protocol: 'tcp', source: end(from), destination: { ...end(to), address }, port })
}

test('what the analysis says of a connection is what its packets do', async () => {
  const dice = createDice(seed)
  const tally = { reached: 0, stopped: 0, 'reached by IPv6': 0, 'stopped by IPv6': 0 }
  const wrong: unknown[] = []
  for (let round = 0; round < rounds; round++) {
    const network = randomVpc(dice)
    await lab.network().converge(network)
    const pairs = places.flatMap((_, from) => places.flatMap((__, to) => (from === to ? [] : [[from, to] as const])))
    await Promise.all(
      pairs.map(async ([from, to]) => {
        const port = ports[(round + from + to) % ports.length] ?? 80
        const { privateIp = '', ipv6 = '' } = places[to] ?? {}
        const address = dice.chance(0.5) ? privateIp : ipv6
        const analysis = analyse(network, from, to, address, port)
        // Patience where an answer is expected: the machine may be busy.
        const patienceMs = analysis.isFound ? 20_000 : 600
        const isReached = (await probers[from]?.reaches(address, port, patienceMs)) ?? false
        const outcome = isReached ? 'reached' : 'stopped'
        tally[address === ipv6 ? (`${outcome} by IPv6` as const) : outcome]++
        if (isReached !== analysis.isFound)
          wrong.push(JSON.stringify({ round, from, to, address, port, isReached, analysis, network }))
      }),
    )
    expect(wrong.slice(0, 1)).toEqual([])
  }
  // The dice are worth something: neither is rare.
  expect(Math.min(...Object.values(tally)), JSON.stringify(tally)).toBeGreaterThan((rounds * 30) / 20)
})
