import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FirewallRule } from '../../../src/ec2/ports/network.ts'
import { type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

const publicIp = '127.79.0.5'
const own = networkInterface(5, { groupIds: ['sg-1'], publicIp })
const other = networkInterface(6, { groupIds: ['sg-1'], publicIp: '127.79.0.6' })
let lab: VpcLab
let guest: FakeGuest
let taken: Server | undefined

beforeEach(async () => {
  lab = await openVpcLab((_, response) => response.end('metadata'))
  await lab.network().converge(vpc())
  guest = await lab.plug('vpc-1', own)
})
afterEach(async () => {
  taken?.close()
  taken = undefined
  expect(await lab.close(['vpc-1'])).toEqual([])
})

async function offer(ports: readonly number[], interfaces = [own]): Promise<void> {
  const ingress = ports.map(
    (port): FirewallRule => ({ protocol: 'tcp', fromPort: port, toPort: port, cidr: '0.0.0.0/0' }),
  )
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
  await guest.serve(8080)
  taken = createServer((socket) => socket.end('the host')).listen(8080, '0.0.0.0')
  await until(() => taken?.listening ?? false)
  await offer([8080], [own, other])
  expect(lab.network().publicPorts()[0]).toMatchObject({ publicIp, port: 8080, hostPort: 18_080 })
  expect(lab.network().warnings()).toEqual([
    `port 8080 of ${publicIp} and of 1 other addresses: it is offered at port 18080 instead: ${publicIp}:8080 cannot be offered: another program of this host listens there (or on that port of every address: 0.0.0.0, as sshd does)`,
  ])
  expect(await talk(18_080)).toBe('hello\nsaid')
  taken.close()
  await until(() => lab.network().publicPorts()[0]?.hostPort === 8080)
  expect(await talk(8080)).toBe('hello\nsaid')
  // Who was told of the stand-in is not turned away.
  expect(await talk(18_080)).toBe('hello\nsaid')
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
