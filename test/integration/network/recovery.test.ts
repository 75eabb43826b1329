import { spawn } from 'node:child_process'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import fsExtra from 'fs-extra'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dnsmasqNames } from '../../../src/network/dnsmasq.ts'
import { findProcesses } from '../../../src/host/process-table.ts'
import { askTime } from './time-client.ts'
import {
  anywhere,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  toInternet,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

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
  const directory = join(lab.networksDirectory, 'vpc-1/')
  const [found] = await findProcesses(
    (argv) => (argv[0] ?? '').includes(program) && argv.some((argument) => argument.includes(directory)),
  )
  return found?.pid
}

/** The pid of the helper of this process: the sockets that it has handed over are ours. */
async function helper(): Promise<number | undefined> {
  const found = await findProcesses((argv) => argv.some((argument) => argument.includes('network/namespace-helper')))
  for (const { pid } of found) {
    const parent = (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(') ')[1]?.split(' ')[1]
    if (Number(parent) === process.pid) return pid
  }
  return undefined
}

/** The pid of what keeps the user namespace of all VPCs. */
async function commonHolder(): Promise<number | undefined> {
  const path = join(lab.networksDirectory, 'common/holder')
  const [found] = await findProcesses((argv) => argv[0] === 'tail' && argv.includes(path))
  return found?.pid
}

async function userNamespace(file: string): Promise<string> {
  return await readlink(`/proc/${file}`)
}

async function readsMetadata(guest: FakeGuest): Promise<boolean> {
  const answer = await guest.evaluate<string>(
    `return await fetch('http://169.254.169.254/', { signal: AbortSignal.timeout(2000) }).then((a) => a.text(), () => 'none')`,
  )
  return answer === 'metadata'
}

async function awaitAllOfIt(): Promise<void> {
  await until(async () => await readsMetadata(first))
  await until(async () => (await askTime(first, '169.254.169.123')) !== undefined)
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
  expect(await lab.inside('vpc-1', 'nft', 'list', 'ruleset')).toContain('chain from_interface')
})

test.each(['no bridge yet', 'a bridge that is down'])(
  'a namespace that was just made, with %s, when the daemon was killed is set up by the next',
  async (state) => {
    await lab.inside('vpc-1', 'ip', 'link', 'del', 'dhcp0')
    if (state !== 'no bridge yet') await lab.inside('vpc-1', 'ip', 'link', 'add', 'dhcp0', 'type', 'bridge')
    await lab.inside('vpc-1', 'ip', 'link', 'set', 'lo', 'down')
    await lab.inside('vpc-1', 'sysctl', '-qw', 'net.ipv4.ip_forward=0')
    await lab.restart(['vpc-1'])
    await lab.network().converge(wanted)
    await awaitAllOfIt()
    expect(await lab.inside('vpc-1', 'ip', '-br', 'link', 'show', 'dhcp0')).toContain(',UP')
  },
)

test('subnets that come and go are followed', async () => {
  const more = { id: 'subnet-2', cidr: '172.31.16.0/20', routes: [toInternet] }
  await lab.network().converge({ ...wanted, subnets: [...wanted.subnets, more] })
  expect(await lab.inside('vpc-1', 'ip', '-br', 'addr', 'show', 'dhcp0')).toContain('172.31.16.1/20')
  const range = 'dhcp-range=set:subnet-2,172.31.16.0,static,255.255.240.0,1h'
  const path = join(lab.networksDirectory, 'vpc-1/dnsmasq.conf')
  await until(async () => (await readFile(path, 'utf8').catch(() => '')).includes(range))
  await lab.network().converge(wanted)
  await awaitAllOfIt()
})

test('the way out goes with the last route to it, and comes back', async () => {
  await awaitAllOfIt()
  const withRoutes = (routes: (typeof wanted.subnets)[number]['routes']) => ({
    ...wanted,
    subnets: wanted.subnets.map((subnet) => ({ ...subnet, routes })),
  })
  await lab.network().converge(withRoutes([]))
  await until(async () => (await pidOf('pasta')) === undefined)
  expect(await lab.inside('vpc-1', 'ip', '-br', 'link')).not.toContain('egress0')
  await lab.network().converge(withRoutes([toInternet]))
  await until(async () => (await pidOf('pasta')) !== undefined)
})

test('names that the last daemon had written and told nobody of are told by the next', async () => {
  await awaitAllOfIt()
  await lab.network().close()
  const late = { ...interfaces[1], dnsNames: [...interfaces[1].dnsNames, 'late.ec2.internal'] }
  const withLate = { ...wanted, interfaces: [interfaces[0], late] }
  await writeFile(join(lab.networksDirectory, 'vpc-1/dnsmasq.names'), dnsmasqNames(withLate))
  await lab.restart(['vpc-1'])
  await lab.network().converge(withLate)
  await until(async () => {
    const found = await lab
      .network()
      .resolve('vpc-1', 'late.ec2.internal')
      .catch((): readonly string[] => [])
    return found.includes('172.31.0.6')
  })
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

test('connections outlive each of the processes that a VPC has, and who comes after its death finds all as before', async () => {
  await awaitAllOfIt()
  // Says a word to the other guest ten times a second, and answers whoever asks how often it came back.
  await first.start(`
    const net = require('net')
    let count = 0
    const socket = net.connect(8080, '172.31.0.6')
    socket.on('data', () => count++).on('error', () => {}).on('close', () => (count = -1))
    setInterval(() => count < 0 || socket.write('x'), 100)
    net.createServer((asker) => asker.on('error', () => {}).end(String(count))).listen(9000, () => console.log('ready'))`)
  const dial = async (address: string, port: number) =>
    await lab.network().dial('vpc-1', address, port, AbortSignal.timeout(10_000))
  const echoes = async () => {
    let text = ''
    for await (const chunk of await dial('172.31.0.5', 9000)) text += String(chunk)
    return Number(text)
  }
  const ofHost = await dial('172.31.0.6', 8080)
  let heard = ''
  ofHost.on('data', (data) => (heard += String(data)))
  const parts = [() => pidOf('dnsmasq'), () => pidOf('pasta'), () => pidOf('tail'), commonHolder, helper]
  for (const [round, find] of parts.entries()) {
    const before = await find()
    process.kill(before ?? 0, 'SIGKILL')
    const count = await echoes()
    await until(async () => ![before, undefined].includes(await find()))
    await until(async () => (await echoes()) > count)
    ofHost.write(`round ${round};`)
    await until(() => heard.includes(`round ${round};`))
  }
  await awaitAllOfIt()
  ofHost.destroy()
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

test('the user namespace of all VPCs outlives its holder, with and without the daemon, and the next VPC is in it too', async () => {
  const before = await userNamespace(`${await commonHolder()}/ns/user`)
  expect(await userNamespace(`${await pidOf('tail')}/ns/user`)).not.toBe(before)
  for (const restarts of [false, true]) {
    const holder = await commonHolder()
    if (restarts) await lab.network().close()
    process.kill(holder ?? 0, 'SIGKILL')
    if (restarts) {
      await lab.restart(['vpc-1'])
      await lab.network().converge(wanted)
    }
    await until(async () => ![holder, undefined].includes(await commonHolder()))
    expect(await userNamespace(`${await commonHolder()}/ns/user`)).toBe(before)
  }
  await lab.network().converge(vpc({ id: 'vpc-2' }))
  // The wire between two of them, which only somebody of that namespace can make.
  const [second = 0] = (
    await findProcesses((argv) => argv.includes(join(lab.networksDirectory, 'vpc-2/holder')) && argv[0] === 'tail')
  ).map(({ pid }) => pid)
  const link = ['ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire0', 'netns', String(second)]
  const enter = [`--user=/proc/${await commonHolder()}/ns/user`, `--net=/proc/${await pidOf('tail')}/ns/net`]
  await execa('nsenter', [...enter, '--preserve-credentials', '--', ...link])
  expect(await lab.inside('vpc-2', 'ip', '-br', 'link')).toContain('wire0')
  // Nobody of one VPC has any right over another.
  await expect(lab.inside('vpc-1', 'nsenter', `--net=/proc/${second}/ns/net`, 'true')).rejects.toThrow('denied')
  await lab.network().remove('vpc-2')
  await awaitAllOfIt()
})

test('a namespace that an earlier version made is taken over as it is', async () => {
  await lab.network().remove('vpc-1')
  const path = join(lab.networksDirectory, 'vpc-1/holder')
  await fsExtra.outputFile(path, '')
  const former = spawn('unshare', ['--user', '--map-root-user', '--net', 'tail', '-f', path], { stdio: 'ignore' })
  await until(async () => (await pidOf('tail')) === former.pid)
  await lab.restart(['vpc-1'])
  await lab.network().converge(vpc())
  first = await lab.plug('vpc-1', interfaces[0])
  second = await lab.plug('vpc-1', interfaces[1])
  await second.serve(8080)
  await lab.network().converge(wanted)
  await awaitAllOfIt()
  expect(await pidOf('tail')).toBe(former.pid)
  process.kill(former.pid ?? 0, 'SIGKILL')
  await until(async () => ![former.pid, undefined].includes(await pidOf('tail')))
  await awaitAllOfIt()
})
