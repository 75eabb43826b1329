import { connect, createServer, type Server } from 'node:net'
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FirewallRule } from '../../../src/ec2/ports/firewall.ts'
import { type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

const publicIp = '127.79.0.5'
const own = networkInterface(5, { groupIds: ['sg-1'], publicIp })
/** Of every address of the host, so that no other run of these tests may have it. */
const port = 20_000 + (process.pid % 10_000)
const other = networkInterface(6, { groupIds: ['sg-1'], publicIp: '127.79.0.6' })
let lab: VpcLab
let guest: FakeGuest
let taken: Server | undefined
const clients: DatagramSocket[] = []

beforeEach(async () => {
  lab = await openVpcLab((_, response) => response.end('metadata'))
  await lab.network().converge(vpc())
  guest = await lab.plug('vpc-1', own)
})
afterEach(async () => {
  taken?.close()
  taken = undefined
  for (const client of clients.splice(0)) client.close()
  expect(await lab.close(['vpc-1'])).toEqual([])
})

async function offer(ports: readonly number[], interfaces = [own], protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
  const ingress = ports.map((port): FirewallRule => ({ protocol, fromPort: port, toPort: port, cidr: '0.0.0.0/0' }))
  await lab.network().converge(vpc({ groups: [group('sg-1', ingress)], interfaces }))
}

/** What a client hears that says something and has said all. */
async function talk(port: number, address = publicIp): Promise<string> {
  const socket = connect({ host: address, port, allowHalfOpen: true })
  socket.end('said')
  return await text(socket).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
}

test('the ports that a group opens are offered at the public address, and closed with the rule', async () => {
  await guest.serve(8080)
  await offer([8080, 8081])
  expect(await talk(8080)).toBe('hello\nsaid')
  // Nobody listens there in the guest.
  expect(await talk(8081)).toBe('ECONNRESET')
  await offer([8081])
  expect(await talk(8080)).toBe('ECONNREFUSED')
})

test('a port that another program of the host has is offered at its stand-in, and itself once it is free', async () => {
  await guest.serve(port)
  taken = createServer((socket) => socket.end('the host')).listen(port, '0.0.0.0')
  await until(() => taken?.listening ?? false)
  await offer([port], [own, other])
  expect(lab.network().publicPorts()[0]).toMatchObject({ publicIp, port, hostPort: port + 10_000 })
  expect(lab.network().warnings()).toEqual([
    `port ${port} of ${publicIp} and 1 more: ${publicIp}:${port} cannot be offered: another program of this host listens there (or on that port of every address: 0.0.0.0, as sshd does); it is offered at port ${port + 10_000} instead`,
  ])
  expect(await talk(port + 10_000)).toBe('hello\nsaid')
  taken.close()
  await until(() => lab.network().publicPorts()[0]?.hostPort === port)
  expect(await talk(port)).toBe('hello\nsaid')
  // Who was told of the stand-in is not turned away.
  expect(await talk(port + 10_000)).toBe('hello\nsaid')
  expect(lab.network().warnings()).toEqual([])
})

test('connections go on when the rule goes, and end when the address is given to another', async () => {
  await guest.serve(8080)
  await offer([8080])
  const socket = connect({ host: publicIp, port: 8080 })
  const heard: string[] = []
  let isEnded = false
  socket.setEncoding('utf8').on('data', (data: string) => heard.push(data))
  socket.on('error', () => undefined)
  socket.on('close', () => (isEnded = true))
  await until(() => heard.join('').includes('hello'))
  await offer([])
  socket.write('still there?')
  await until(() => heard.join('').includes('still there?'))
  const { publicIp: _publicIp, ...bare } = own
  await offer([8080], [bare, { ...other, publicIp }])
  await until(() => isEnded)
})

test('a client that gives up while the guest is not there leaves nothing behind', async () => {
  await guest.run('ip', 'link', 'set', 'eth0', 'down')
  await offer([8080])
  const socket = connect({ host: publicIp, port: 8080 }, () => socket.resetAndDestroy())
  await until(() => socket.destroyed)
  await until(async () => !(await lab.inside('vpc-1', 'ss', '-Htn', 'state', 'syn-sent')).includes(':8080'))
})

/** A client that says something again and again until it is answered. */
async function openDatagramClient(port: number, address = publicIp): Promise<(said: string) => Promise<string>> {
  const socket = createSocket('udp4')
  clients.push(socket)
  socket.connect(port, address)
  await once(socket, 'connect')
  // The ICMP message for a port that is not offered.
  socket.on('error', () => undefined)
  return async (said) => {
    const again = setInterval(() => socket.send(said), 100)
    socket.once('close', () => clearInterval(again))
    socket.send(said)
    try {
      for (;;) {
        const [answer] = (await once(socket, 'message')) as [Buffer]
        if (answer.toString().endsWith(said)) return answer.toString()
      }
    } finally {
      clearInterval(again)
    }
  }
}

/** Nothing may come back meanwhile: what waits for it fails. */
async function hearsNothing(port: number): Promise<void> {
  const answered = (await openDatagramClient(port))('anybody?').then(() => 'answered')
  expect(await Promise.race([answered, new Promise((resolve) => setTimeout(() => resolve('silence'), 500))])).toBe(
    'silence',
  )
}

test('UDP ports are offered too, each client has answers of its own, and what stands outlasts the rule', async () => {
  await guest.echoDatagrams(5353)
  await offer([5353, 5354], [own], 'udp')
  expect(lab.network().publicPorts()[0]).toEqual({ protocol: 'udp', publicIp, port: 5353, hostPort: 5353 })
  const [first, second] = [await openDatagramClient(5353), await openDatagramClient(5353)]
  const [a, b] = [await first('one'), await second('two')]
  // The guest says where it heard it from: the router of its subnet, a port for each client.
  expect(a).toMatch(/^172\.31\.0\.1:\d+ one$/)
  expect(b).toMatch(/^172\.31\.0\.1:\d+ two$/)
  expect(a.split(' ')[0]).not.toBe(b.split(' ')[0])
  expect((await first('again')).split(' ')[0]).toBe(a.split(' ')[0])
  await offer([5354], [own], 'udp')
  expect(await first('still there?')).toContain('still there?')
  await hearsNothing(5353)
  await offer([5353], [own], 'udp')
  expect((await first('once more')).split(' ')[0]).toBe(a.split(' ')[0])
  const third = await openDatagramClient(5353)
  expect(await third('new')).toContain('new')
})

test('UDP clients of an address reach its new owner alone', async () => {
  await guest.echoDatagrams(5353)
  await offer([5353], [own], 'udp')
  const client = await openDatagramClient(5353)
  expect(await client('before')).toMatch(/^172/)
  const heir = await lab.plug('vpc-1', other)
  await heir.echoDatagrams(5353, 'heir')
  const { publicIp: _publicIp, ...bare } = own
  await offer([5353], [bare, { ...other, publicIp }], 'udp')
  expect(await client('after')).toMatch(/^heir 172/)
  expect(await client('after that')).toMatch(/^heir 172/)
})

test('a range is offered whole', async () => {
  await guest.echoDatagrams(40_999)
  const rule: FirewallRule = { protocol: 'udp', fromPort: 40_000, toPort: 40_999, cidr: '0.0.0.0/0' }
  await lab.network().converge(vpc({ groups: [group('sg-1', [rule])], interfaces: [own] }))
  expect(await (await openDatagramClient(40_999))('last')).toContain('last')
  expect(lab.network().publicPorts()).toHaveLength(1000)
  expect(lab.network().partialRanges()).toEqual([])
})
