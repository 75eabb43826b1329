import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findProcesses } from '../../../src/host/process-table.ts'
import { anywhere, type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

let lab: VpcLab
let first: FakeGuest
let second: FakeGuest
const interfaces = [networkInterface(5, { groupIds: ['sg-1'] }), networkInterface(6, { groupIds: ['sg-1'] })] as const
const wanted = vpc({ groups: [group('sg-1', [anywhere])], interfaces })

beforeEach(async () => {
  lab = await openVpcLab((_, response) => response.end('metadata'))
  await lab.network().converge(vpc())
  first = await lab.plug('vpc-1', interfaces[0])
  second = await lab.plug('vpc-1', interfaces[1])
  await lab.network().converge(wanted)
  await second.serve(8080)
})
afterEach(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
})

/** The pid of what runs for the VPC with that program name. */
async function pidOf(program: string): Promise<number | undefined> {
  const [found] = await findProcesses(
    (argv) => (argv[0] ?? '').includes(program) && argv.some((argument) => argument.includes(lab.networksDirectory)),
  )
  return found?.pid
}

async function readsMetadata(guest: FakeGuest): Promise<boolean> {
  const answer = await guest.evaluate<string>(
    `return await fetch('http://169.254.169.254/', { signal: AbortSignal.timeout(2000) }).then((a) => a.text(), () => 'none')`,
  )
  return answer === 'metadata'
}

async function awaitAllOfIt(): Promise<void> {
  await until(async () => await readsMetadata(first))
  await until(async () => (await pidOf('pasta')) !== undefined && (await pidOf('dnsmasq')) !== undefined)
  expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
  expect((await lab.inside('vpc-1', 'ip', '-br', 'addr', 'show', 'dhcp0')).trim()).toMatch(/172\.31\.0\.1\/20$/)
}

test('a new daemon goes on with the very processes of the one that was killed', async () => {
  await awaitAllOfIt()
  const before = await Promise.all(['tail', 'dnsmasq', 'pasta'].map(pidOf))
  await lab.restart(['vpc-1'])
  await lab.network().converge(wanted)
  await awaitAllOfIt()
  expect(await Promise.all(['tail', 'dnsmasq', 'pasta'].map(pidOf))).toEqual(before)
})

test('what a crash left half-made is made whole, and what nobody wants goes', async () => {
  await lab.inside('vpc-1', 'ip', 'route', 'del', '172.31.0.6')
  await lab.inside('vpc-1', 'ip', 'addr', 'flush', 'dev', 'dhcp0')
  await lab.inside('vpc-1', 'ip', 'tuntap', 'add', 'name', 'eni000000000099', 'mode', 'tap')
  await lab.inside('vpc-1', 'nft', 'flush', 'ruleset')
  await lab.restart(['vpc-1'])
  await lab.network().converge(wanted)
  await awaitAllOfIt()
  expect(await lab.inside('vpc-1', 'ip', '-br', 'link')).not.toContain('eni000000000099')
  expect(await lab.inside('vpc-1', 'nft', 'list', 'ruleset')).toContain('anti_spoofing')
})

test('a namespace that was just made when the daemon was killed is set up by the next', async () => {
  await lab.inside('vpc-1', 'ip', 'link', 'del', 'dhcp0')
  await lab.inside('vpc-1', 'ip', 'link', 'set', 'lo', 'down')
  await lab.inside('vpc-1', 'sysctl', '-qw', 'net.ipv4.ip_forward=0')
  await lab.restart(['vpc-1'])
  await lab.network().converge(wanted)
  await awaitAllOfIt()
})

test('subnets that come and go are followed', async () => {
  const more = { id: 'subnet-2', cidr: '172.31.16.0/20', internetDestinations: ['0.0.0.0/0'] }
  await lab.network().converge({ ...wanted, subnets: [...wanted.subnets, more] })
  expect(await lab.inside('vpc-1', 'ip', '-br', 'addr', 'show', 'dhcp0')).toContain('172.31.16.1/20')
  const range = 'dhcp-range=set:subnet-2,172.31.16.0,static,255.255.240.0,1h'
  const path = join(lab.networksDirectory, 'vpc-1/dnsmasq.conf')
  await until(async () => (await readFile(path, 'utf8').catch(() => '')).includes(range))
  await lab.network().converge(wanted)
  await awaitAllOfIt()
})

test('guests keep their network when the holder of the namespace dies, with and without the daemon', async () => {
  for (const restarts of [false, true]) {
    await awaitAllOfIt()
    const holder = await pidOf('tail')
    const dnsmasq = await pidOf('dnsmasq')
    const directory = await readdir(join(lab.networksDirectory, 'vpc-1'))
    if (restarts) await lab.network().close()
    process.kill(holder ?? 0, 'SIGKILL')
    if (restarts) {
      await lab.restart(['vpc-1'])
      await lab.network().converge(wanted)
    }
    await until(async () => ![holder, undefined].includes(await pidOf('tail')))
    await awaitAllOfIt()
    expect(await pidOf('dnsmasq')).toBe(dnsmasq)
    expect(await readdir(join(lab.networksDirectory, 'vpc-1'))).toEqual(directory)
  }
})

test('one interface that cannot be made costs the others nothing, and its machine does not start without it', async () => {
  const bad = networkInterface(7, { groupIds: ['sg-1'], tapName: 'eni/7' })
  await lab.network().converge({ ...wanted, interfaces: [...interfaces, bad] })
  expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
  expect(lab.network().warnings()).toEqual([expect.stringContaining(`the tap of ${bad.id} could not be set up`)])
  expect(() => lab.network().commandPrefix('vpc-1', [bad.tapName])).toThrow(bad.id)
  expect(lab.network().commandPrefix('vpc-1', [interfaces[0].tapName])).toContain('nsenter')
})

test('a VPC of no running machine is ended by the next daemon', async () => {
  await awaitAllOfIt()
  await lab.restart([])
  expect(await Promise.all(['tail', 'dnsmasq', 'pasta'].map(pidOf))).toEqual([undefined, undefined, undefined])
  expect(await readdir(lab.networksDirectory)).toEqual([])
})
