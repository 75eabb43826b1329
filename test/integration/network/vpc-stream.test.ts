import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OperationError } from '../../../src/api/contract.ts'
import { createSocksServer } from '../../../src/cli/socks/socks-server.ts'
import { openUdpTunnel } from '../../../src/cli/udp-tunnel.ts'
import { createVpcStreamOpener } from '../../../src/daemon/vpc-stream.ts'
import { Ec2Error } from '../../../src/ec2/errors.ts'
import { type FakeGuest, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

// A SOCKS proxy and UDP tunnels of the command line over the daemon's streams, into a VPC with one guest.
const vpcId = 'vpc-00000000000000001'
const ipv6Address = 'fd12:3456:789a:1::5'
const own = networkInterface(5, {
  ipv6Addresses: [{ address: ipv6Address, names: ['six.ec2.internal'] }],
})
const ipv6Cidrs = ['fd12:3456:789a::/56']
let lab: VpcLab
let guest: FakeGuest
let open: (target?: { host: string; port: number }) => Promise<Duplex>
let proxy: Server
let proxyPort: number

beforeAll(async () => {
  lab = await openVpcLab((_, response) => response.end('metadata'))
  await lab.network().converge(vpc({ id: vpcId }))
  guest = await lab.plug(vpcId, own)
  const subnets = vpc().subnets.map((subnet) => ({ ...subnet, ipv6Cidr: 'fd12:3456:789a:1::/64' }))
  await lab.network().converge(vpc({ id: vpcId, interfaces: [own], ipv6Cidrs, subnets }))
  await guest.solicit()
  await guest.serve(8080)
  await guest.echoDatagrams(5353)
  const store = {
    vpcs: { get: () => ({ id: vpcId, cidr: '172.31.0.0/16', ipv6Cidrs: ipv6Cidrs.map((cidr) => ({ cidr })) }) },
  }
  const opener = createVpcStreamOpener(
    { store } as unknown as Parameters<typeof createVpcStreamOpener>[0],
    { network: { network: lab.network() } } as unknown as Parameters<typeof createVpcStreamOpener>[1],
  )
  open = async (target) =>
    await opener({} as Parameters<typeof opener>[0], vpcId, target).catch((error: unknown) => {
      throw error instanceof Ec2Error ? new OperationError(error.code, error.message) : error
    })
  const dialer = {
    connect: async (host: string, port: number) => await open({ host, port }),
    openDatagrams: async () => await open(),
  }
  proxy = createSocksServer(dialer, () => undefined).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxyPort = (proxy.address() as AddressInfo).port
})
afterAll(async () => {
  proxy.close()
  expect(await lab.close([vpcId])).toEqual([])
})

/** Collects what a socket says. */
function listenTo(socket: Socket): { heard: () => Buffer } {
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  socket.on('error', () => undefined)
  return { heard: () => Buffer.concat(pieces) }
}

/** Asks the proxy; answers the socket and the reply's code. */
async function ask(
  command: number,
  address: Buffer,
  port: number,
): Promise<{ socket: Socket; reply: Buffer; heard: () => Buffer }> {
  const socket = connect(proxyPort, '127.0.0.1')
  const { heard } = listenTo(socket)
  // All at once, as a client that is in a hurry may.
  const [high, low] = [port >> 8, port & 255]
  socket.write(Buffer.concat([Buffer.from([5, 1, 0, 5, command, 0]), address, Buffer.from([high, low])]))
  await until(() => heard().length >= 12 || socket.destroyed)
  return { socket, reply: heard().subarray(2, 12), heard: () => heard().subarray(12) }
}

const byAddress = (address: string) => Buffer.from([1, ...address.split('.').map(Number)])
/** The address is written in full but for one run of zeros. */
function byIpv6(address: string): Buffer {
  const [left = [], right = []] = address.split('::').map((text) => text.split(':').filter(Boolean))
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return Buffer.concat([
    Buffer.from([4]),
    ...[...left, ...zeros, ...right].map((part) => Buffer.from(part.padStart(4, '0'), 'hex')),
  ])
}
const byName = (name: string) => Buffer.concat([Buffer.from([3, name.length]), Buffer.from(name)])

test.each([
  ['an address', byAddress('172.31.0.5')],
  ['an IPv6 address', byIpv6(ipv6Address)],
  ['a name that leads to an IPv6 address alone', byName('six.ec2.internal')],
  ['a name that the DNS of the VPC knows', byName('ip-172-31-0-5.ec2.internal')],
])('the proxy connects to %s, both ways', async (_, address) => {
  // dnsmasq comes a moment after the taps.
  await until(async () => (await ask(1, address, 8080)).reply[1] === 0)
  const { socket, heard } = await ask(1, address, 8080)
  await until(() => heard().toString() === 'hello\n')
  socket.end('said')
  await until(() => heard().toString() === 'hello\nsaid' && socket.readableEnded)
})

test.each([
  ['a closed port', 1, byAddress('172.31.0.5'), 5],
  ['what is not in the VPC', 1, byAddress('192.0.2.1'), 2],
  ["the host's loopback", 1, byAddress('127.0.0.1'), 2],
  ['the metadata service', 1, byAddress('169.254.169.254'), 2],
  ['a name that nobody has', 1, byName('nobody.ec2.internal'), 4],
  ['BIND', 2, byAddress('172.31.0.5'), 7],
  ['an IPv6 address of elsewhere', 1, Buffer.from([4, ...Array<number>(15).fill(0), 1]), 2],
  ['what is no kind of address', 1, Buffer.from([9, 0, 0, 0, 0]), 8],
])('the proxy refuses %s', async (_, command, address, code) => {
  expect((await ask(command, address, 81)).reply[1]).toBe(code)
})

test('the proxy takes none but SOCKS 5 without authentication', async () => {
  for (const [greeting, answer] of [
    [
      [5, 1, 2],
      [5, 255],
    ],
    [[4, 1, 0, 80], []],
  ] as const) {
    const socket = connect(proxyPort, '127.0.0.1')
    const { heard } = listenTo(socket)
    socket.write(Buffer.from(greeting))
    await until(() => socket.destroyed || socket.readableEnded)
    expect([...heard()]).toEqual([...answer])
  }
})

test.each([
  ['an address', byAddress('172.31.0.5'), byAddress('172.31.0.5'), '172.31.0.1'],
  ['an IPv6 address', byIpv6(ipv6Address), byIpv6(ipv6Address), 'fd12:3456:789a:1::1'],
  [
    'a name that leads to an IPv6 address alone',
    byName('six.ec2.internal'),
    byIpv6(ipv6Address),
    'fd12:3456:789a:1::1',
  ],
])(
  'the proxy carries datagrams to %s for as long as the connection that asked for it stands',
  async (_, to, from, router) => {
    const { socket, reply } = await ask(3, byAddress('0.0.0.0'), 0)
    expect(reply[1]).toBe(0)
    const client = createSocket('udp4')
    const answers: Buffer[] = []
    client.on('message', (answer) => answers.push(answer))
    client.on('error', () => undefined)
    client.connect(reply.readUInt16BE(8), '127.0.0.1')
    await once(client, 'connect')
    const send = (fragment: number, data: string) =>
      client.send(
        Buffer.concat([Buffer.from([0, 0, fragment]), to, Buffer.from([5353 >> 8, 5353 & 255]), Buffer.from(data)]),
      )
    await until(() => {
      send(1, 'a fragment')
      send(0, 'ping')
      return answers.length > 0
    })
    const [answer = Buffer.alloc(0)] = answers
    const head = [0, 0, 0, ...from, 5353 >> 8, 5353 & 255]
    expect([...answer.subarray(0, head.length)]).toEqual(head)
    const [asker = '', said] = answer.subarray(head.length).toString().split(' ')
    expect(said).toBe('ping')
    expect(asker.slice(0, asker.lastIndexOf(':'))).toBe(router)
    const port = asker.slice(asker.lastIndexOf(':') + 1)
    const isOpen = async () => (await lab.inside(vpcId, 'ss', '-Huan', 'sport', '=', `:${port}`)) !== ''
    expect(await isOpen()).toBe(true)
    socket.destroy()
    await until(async () => !(await isOpen()))
    client.close()
  },
)

test.each([
  ['172.31.0.5', '172.31.0.1'],
  [ipv6Address, 'fd12:3456:789a:1::1'],
])('a UDP tunnel to %s gives each client its own answers', async (host, router) => {
  const tunnel = await openUdpTunnel(
    { address: '127.0.0.1', localPort: 0 },
    { host, port: 5353, open: async () => await open() },
  )
  const talk = async (said: string) => {
    const client = createSocket('udp4')
    client.connect(tunnel.boundPort, '127.0.0.1')
    await once(client, 'connect')
    const heard: string[] = []
    client.on('message', (answer) => heard.push(answer.toString()))
    await until(() => {
      client.send(said)
      return heard.length > 0
    })
    client.close()
    return heard[0] ?? ''
  }
  const [one, two] = [await talk('one'), await talk('two')]
  expect(one).toMatch(new RegExp(`^${router}:\\d+ one$`))
  expect(two).toMatch(/ two$/)
  expect(one.split(' ')[0]).not.toBe(two.split(' ')[0])
  tunnel.close()
})
