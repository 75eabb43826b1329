import { readdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Impairments } from '../../../src/ec2/ports/impairment.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { anywhere, type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

let lab: VpcLab
let first: FakeGuest
let second: FakeGuest
const interfaces = [networkInterface(5, { groupIds: ['sg-1'] }), networkInterface(6, { groupIds: ['sg-1'] })] as const
const [{ tapName: firstTap }, { tapName: secondTap }] = interfaces

function withFaults(impairments?: Partial<Impairments>): VpcNetwork {
  const faults = impairments ? { impairments: { interfaces: [], partitions: [], ...impairments } } : {}
  return vpc({ groups: [group('sg-1', [anywhere])], interfaces, ...faults })
}

beforeAll(async () => {
  lab = await openVpcLab((_request, response) => response.end('PLAIN'))
  await lab.network().converge(vpc())
  first = await lab.plug('vpc-1', interfaces[0])
  second = await lab.plug('vpc-1', interfaces[1])
  await lab.network().converge(withFaults())
  await second.serve(8080)
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
})

const reach = async () => await first.tcp('172.31.0.6', 8080)

async function ask(guest: FakeGuest): Promise<string> {
  return await guest.evaluate<string>(`
    const resolver = new (require('dns').promises.Resolver)({ timeout: 500, tries: 1 })
    resolver.setServers(['172.31.0.2'])
    return await resolver.resolve4('ip-172-31-0-6.ec2.internal').then(([address]) => address, (error) => error.code)`)
}

/** Answers of ten datagrams that were sent to the echo at port 8081 of the second guest. */
async function countEchoes(): Promise<number> {
  return await first.evaluate<number>(`return await new Promise((resolve) => {
    const socket = require('dgram').createSocket('udp4')
    let count = 0
    socket.on('message', () => count++)
    for (let index = 0; index < 200; index++) socket.send('x', 8081, '172.31.0.6')
    setTimeout(() => resolve(count), 1000)
  })`)
}

test('a partition stops what was let through, connections that stand too, and ends without a trace', async () => {
  expect(await reach()).toBe('open')
  const standing = first.evaluate<string[]>(`return await new Promise((resolve) => {
    const socket = require('net').connect(8080, '172.31.0.6')
    const heard = []
    socket.on('data', (data) => heard.push(String(data)))
    socket.once('data', () => require('fs').writeFileSync('${lab.networksDirectory}/vpc-1/stands', ''))
    const timer = setInterval(() => {
      if (!require('fs').existsSync('${lab.networksDirectory}/vpc-1/apart')) return
      clearInterval(timer)
      socket.write('apart')
      setTimeout(() => resolve(heard), 700)
    }, 20)
  })`)
  await until(async () => (await readdir(`${lab.networksDirectory}/vpc-1`)).includes('stands'))
  await lab.network().converge(withFaults({ partitions: [[['172.31.0.5'], ['172.31.0.6']]] }))
  await writeFile(`${lab.networksDirectory}/vpc-1/apart`, '')
  expect(await reach()).toBe('silent')
  expect(await second.tcp('172.31.0.5', 8080)).toBe('silent')
  expect(await standing).toEqual(['hello\n'])
  await lab.network().converge(withFaults())
  expect(await reach()).toBe('open')
  expect(await lab.inside('vpc-1', 'nft', 'list', 'tables')).not.toContain('impairments')
})

test('loss and rate drop packets of the interface alone', async () => {
  const echo = second.evaluate(`
    const socket = require('dgram').createSocket('udp4')
    socket.on('message', (data, peer) => String(data) === 'end' ? socket.close(resolveEnd) : socket.send(data, peer.port, peer.address))
    let resolveEnd
    const end = new Promise((resolve) => (resolveEnd = resolve))
    await new Promise((resolve) => socket.bind(8081, resolve))
    await end`)
  await until(async () => (await second.run('ss', '-Hlun', 'sport', '=', ':8081')) !== '')
  expect(await countEchoes()).toBe(200)
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, lossPercent: 50 }] }))
  // A quarter survives both ways: with 200 there are 1 to 99 as good as always.
  const survived = await countEchoes()
  expect(survived).toBeGreaterThan(0)
  expect(survived).toBeLessThan(100)
  await lab.network().converge(withFaults({ interfaces: [{ tapName: secondTap, lossPercent: 100 }] }))
  expect(await countEchoes()).toBe(0)
  await lab.network().converge(withFaults())
  expect(await countEchoes()).toBe(200)
  await first.evaluate(
    `await new Promise((resolve) => require('dgram').createSocket('udp4').send('end', 8081, '172.31.0.6', resolve))`,
  )
  await echo
})

test('a rate bounds what a connection carries', async () => {
  await lab.network().converge(withFaults({ interfaces: [{ tapName: secondTap, rateKbitPerSecond: 800 }] }))
  // What is sent is echoed: 600 kB a way take six seconds at 100 kB a second, and nearly nothing without.
  const carried = await first.evaluate<number>(`return await new Promise((resolve) => {
    const socket = require('net').connect(8080, '172.31.0.6')
    let count = 0
    socket.on('data', (data) => (count += data.length))
    socket.write(Buffer.alloc(600_000))
    setTimeout(() => resolve(count), 2000)
  })`)
  expect(carried).toBeGreaterThan(0)
  expect(carried).toBeLessThan(400_000)
  await lab.network().converge(withFaults())
})

test('DNS fails as asked, of the interface alone', async () => {
  expect(await ask(first)).toBe('172.31.0.6')
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, dns: 'timeout' }] }))
  expect(await ask(first)).toBe('ETIMEOUT')
  expect(await ask(second)).toBe('172.31.0.6')
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, dns: 'refused' }] }))
  expect(await ask(first)).toBe('ECONNREFUSED')
  await lab.network().converge(withFaults())
  expect(await ask(first)).toBe('172.31.0.6')
})

test('the metadata service falls silent for one', async () => {
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, isMetadataSilent: true }] }))
  expect(await first.tcp('169.254.169.254', 80)).toBe('silent')
  expect(await second.tcp('169.254.169.254', 80)).toBe('open')
})

test('a daemon that comes later takes away what it is not told of', async () => {
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, isMetadataSilent: true }] }))
  await lab.restart(['vpc-1'])
  await lab.network().converge(withFaults())
  // The new daemon opens its metadata service a moment later.
  await until(async () => (await first.tcp('169.254.169.254', 80)) === 'open')
  expect(await lab.inside('vpc-1', 'nft', 'list', 'tables')).not.toContain('impairments')
})

test('a delay is a delay where the kernel can, and said to be none where it cannot', async () => {
  const problem = await lab.network().delayProblem()
  await lab.network().converge(withFaults({ interfaces: [{ tapName: firstTap, delayMs: 300 }] }))
  const elapsed = await first.evaluate<number>(`
    const begin = Date.now()
    await new Promise((resolve) => require('net').connect(8080, '172.31.0.6', resolve))
    return Date.now() - begin`)
  if (problem === undefined) {
    expect(lab.network().warnings()).toEqual([])
    expect(elapsed).toBeGreaterThanOrEqual(300)
  } else {
    expect(problem).toContain('sch_netem')
    expect(lab.network().warnings().join()).toContain('faults have no effect')
    expect(elapsed).toBeLessThan(300)
  }
  await lab.network().converge(withFaults())
  expect(lab.network().warnings()).toEqual([])
})
