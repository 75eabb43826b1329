import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AclEntry, FirewallGroup, FirewallRule } from '../../../src/ec2/ports/firewall.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
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

const webPort: FirewallRule = { protocol: 'tcp', fromPort: 8080, toPort: 8080, cidr: '0.0.0.0/0' }

describe('a VPC with guests', () => {
  let lab: VpcLab
  let first: FakeGuest
  let second: FakeGuest
  const interfaces = [
    networkInterface(5, { groupIds: ['sg-1'], publicIp: '127.79.0.5' }),
    networkInterface(6, { groupIds: ['sg-2'], publicIp: '127.79.0.6' }),
  ] as const

  function wanted(groups: readonly FirewallGroup[], changes: Partial<VpcNetwork> = {}): VpcNetwork {
    return vpc({ groups, interfaces, ...changes })
  }
  const open = [group('sg-1', []), group('sg-2', [webPort])]

  beforeAll(async () => {
    lab = await openVpcLab((request, response) => {
      // As the real service answers: only a token's first header begins with X-.
      if (request.method === 'PUT') response.writeHead(200, ['X-Ttl', '60', 'Content-Length', '5']).end('TOKEN')
      else response.writeHead(200, ['Content-Length', '5']).end('PLAIN')
    })
    await lab.network().converge(vpc())
    first = await lab.plug('vpc-1', interfaces[0])
    second = await lab.plug('vpc-1', interfaces[1])
    await lab.network().converge(wanted(open))
    await second.serve(8080)
    await second.serve(8081)
  })
  afterAll(async () => {
    expect(await lab.close(['vpc-1', 'vpc-2'])).toEqual([])
  })

  async function ask(guest: FakeGuest, method: string): Promise<string> {
    return await guest.evaluate<string>(`return await new Promise((resolve) => {
      const asked = require('http').request('http://169.254.169.254/latest/', { method: '${method}', timeout: 1500 }, (response) => {
        response.on('data', (data) => resolve(String(data)))
      })
      asked.on('timeout', () => resolve('silent')).on('error', (error) => resolve(error.code)).end()
    })`)
  }

  async function resolveName(guest: FakeGuest, name: string): Promise<string> {
    return await guest.evaluate<string>(`
      const resolver = new (require('dns').promises.Resolver)({ timeout: 1000, tries: 1 })
      resolver.setServers(['172.31.0.2'])
      return await resolver.resolve4('${name}').then(([address]) => address, (error) => error.code)`)
  }

  test('the host that looks for a guest that is not there finds nobody of its own network in its place', async () => {
    const dialled = lab.network().dial('vpc-1', '172.31.0.99', 22, AbortSignal.timeout(5000))
    await expect(dialled).rejects.toMatchObject({ code: 'EHOSTUNREACH' })
  })

  test('who waits for a guest to answer is tried again as soon as it is said that it does', async () => {
    await first.run('nft', 'add table ip lost; add chain ip lost in { type filter hook input priority 0; }')
    const lose = async (packets: string) =>
      await first.run('nft', `flush chain ip lost in; add rule ip lost in ${packets} drop`)
    // As while a guest has no address.
    await lose('tcp dport 9100')
    const dialled = lab.network().dial('vpc-1', '172.31.0.5', 9100, AbortSignal.timeout(60_000))
    let port: string | undefined
    await until(async () => {
      port = /:(\d+) +172\.31\.0\.5:9100/.exec(await lab.inside('vpc-1', 'ss', '-Htn', 'state', 'syn-sent'))?.[1]
      return port !== undefined
    })
    // The first attempt by itself never comes to anything.
    await lose(`tcp sport ${port}`)
    lab.network().dialAgain('vpc-1', '172.31.0.5')
    // What is to listen comes up a moment later than its guest.
    await first.serve(9100)
    const socket = await dialled
    expect(socket.remotePort).toBe(9100)
    socket.destroy()
    await first.run('nft', 'delete table ip lost')
  })

  test('one subnet is no trust: only what a group opens gets through', async () => {
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    expect(await first.tcp('172.31.0.6', 8081)).toBe('silent')
    expect(await second.tcp('172.31.0.5', 8080)).toBe('silent')
  })

  test('a changed group counts at once; a connection that stands goes on', async () => {
    const standing = first.evaluate<string>(`return await new Promise((resolve) => {
      const socket = require('net').connect(8080, '172.31.0.6')
      socket.once('data', () => socket.write('still there?'))
      require('fs').watchFile('${lab.networksDirectory}/vpc-1/go-on', { interval: 20 }, ({ size }) => size > 0 && socket.write('and now?'))
      let text = ''
      socket.on('data', (data) => { text += data; if (text.endsWith('and now?')) resolve(text) })
      socket.on('close', () => resolve('closed'))
    })`)
    await until(async () => (await second.run('ss', '-Htn', 'state', 'established', 'sport', '=', ':8080')) !== '')
    await lab.network().converge(wanted([group('sg-1', []), group('sg-2', [])]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('silent')
    await writeFile(join(lab.networksDirectory, 'vpc-1/go-on'), 'now')
    expect(await standing).toBe('hello\nstill there?and now?')
    await lab.network().converge(wanted([group('sg-1', []), group('sg-2', [{ ...webPort, cidr: '172.31.0.5/32' }])]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    await lab.network().converge(wanted([group('sg-1', []), group('sg-2', [{ protocol: 'tcp', groupId: 'sg-1' }])]))
    expect(await first.tcp('172.31.0.6', 8081)).toBe('open')
  })

  test('a rule by prefix list lets in whoever is in the list, as it is now', async () => {
    const byList = (cidrs: readonly string[]) =>
      wanted([group('sg-1', []), group('sg-2', [{ protocol: 'tcp', prefixListId: 'pl-1' }])], {
        prefixLists: [{ id: 'pl-1', cidrs }],
      })
    await lab.network().converge(byList(['172.31.0.0/16', '172.31.0.0/24', '2001:db8::/32']))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    await lab.network().converge(byList(['10.0.0.0/8']))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('silent')
    await lab.network().converge(byList([]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('silent')
    await lab.network().converge(byList(['0.0.0.0/0', '172.31.0.5/32']))
    expect(await first.tcp('172.31.0.6', 8081)).toBe('open')
    expect(lab.network().warnings()).toEqual([])
  })

  test('without egress rules a guest reaches no other, but its names and its metadata', async () => {
    await lab.network().converge(wanted([group('sg-1', [], []), group('sg-2', [webPort])]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('silent')
    expect(await ask(first, 'GET')).toBe('PLAIN')
    expect(await resolveName(first, 'ip-172-31-0-6.ec2.internal')).toBe('172.31.0.6')
    const narrow: FirewallRule = { protocol: 'tcp', fromPort: 8080, toPort: 8080, groupId: 'sg-2' }
    await lab.network().converge(wanted([group('sg-1', [], [narrow]), group('sg-2', [anywhere])]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    expect(await first.tcp('172.31.0.6', 8081)).toBe('silent')
  })

  test('rules of every kind load together, and one that nftables refuses costs only itself', async () => {
    const odd: FirewallRule[] = [
      { protocol: 'all', cidr: '::/0' },
      { protocol: 'icmpv6', cidr: '0.0.0.0/0' },
      { protocol: 'icmp', icmpType: 8, icmpCode: 0, cidr: '2001:db8::/32' },
      { protocol: 'tcp', fromPort: 1, toPort: 9, groupId: 'sg-gone' },
      ...[0, 50, 132, 255].map((protocol) => ({ protocol, cidr: '10.0.0.0/8' })),
      { protocol: 'icmp', icmpType: 3, icmpCode: 4, cidr: '0.0.0.0/0' },
      { protocol: 'udp', fromPort: 53, toPort: 53, cidr: '0.0.0.0/0' },
    ]
    const many = Array.from({ length: 60 }, (_, index) => ({
      ...webPort,
      fromPort: 9000 + index,
      toPort: 9100 + index,
    }))
    await lab
      .network()
      .converge(wanted([group('sg-1', odd), group('sg-2', [...odd, ...many, webPort], [...odd, anywhere])]))
    expect(lab.network().warnings()).toEqual([])
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    const refused: FirewallRule = { protocol: 'tcp', fromPort: 70_000, toPort: 70_000, cidr: '0.0.0.0/0' }
    await lab.network().converge(wanted([group('sg-1', []), group('sg-2', [refused, webPort])]))
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
    expect(lab.network().warnings()).toEqual([
      expect.stringMatching(/^a rule of sg-2 has no effect: nft says Service out of range/),
    ])
    await lab.network().converge(wanted(open))
    expect(lab.network().warnings()).toEqual([])
  })

  test('a guest with another address or another MAC than its own is not heard', async () => {
    await first.run('ip', 'addr', 'add', '172.31.0.9/20', 'dev', 'eth0')
    const spoofed = await first.evaluate<string>(`return await new Promise((resolve) => {
      const socket = require('net').connect({ host: '172.31.0.6', port: 8080, localAddress: '172.31.0.9', timeout: 1500 })
      socket.on('connect', () => resolve('open')).on('timeout', () => resolve('silent')).on('error', (error) => resolve(error.code))
    })`)
    expect(spoofed).toBe('silent')
    await first.run('ip', 'addr', 'del', '172.31.0.9/20', 'dev', 'eth0')
    await first.run('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:99')
    expect(await first.tcp('172.31.0.6', 8080)).toBe('silent')
    expect(await ask(first, 'GET')).toBe('silent')
    await first.run('ip', 'link', 'set', 'eth0', 'address', interfaces[0].mac)
    await lab.inside('vpc-1', 'ip', 'neigh', 'flush', 'all')
    expect(await first.tcp('172.31.0.6', 8080)).toBe('open')
  })

  test('an interface without the source check may carry for others', async () => {
    await lab
      .network()
      .converge(wanted(open, { interfaces: [{ ...interfaces[0], hasSourceDestCheck: false }, interfaces[1]] }))
    await first.run('ip', 'addr', 'add', '10.99.0.1/32', 'dev', 'lo')
    await second.run('ip', 'route', 'replace', '10.99.0.1/32', 'via', '172.31.0.1')
    const arrivals = second.run(
      'timeout',
      '5',
      'sh',
      '-c',
      `until ss -Htn state syn-recv | grep -q 10.99.0.1; do sleep 0.05; done; echo came`,
    )
    first
      .evaluate(
        `require('net').connect({ host: '172.31.0.6', port: 8080, localAddress: '10.99.0.1' }).on('error', () => {}); await new Promise((resolve) => setTimeout(resolve, 3000))`,
      )
      .catch(() => undefined)
    expect(await arrivals).toBe('came')
    await lab.network().converge(wanted(open))
  })

  test('a guest reaches nothing of the host, nor of the namespace but what is meant for guests', async () => {
    const hostAddress = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
    const service = createServer((socket) => socket.end('secret')).listen(0, '0.0.0.0')
    await until(() => service.listening)
    const { port } = service.address() as { port: number }
    try {
      if (hostAddress === undefined) throw new Error('this host has no address that a guest might reach')
      for (const host of [
        hostAddress,
        '169.254.169.250',
        '169.254.169.249',
        '172.31.0.1',
        '169.254.169.254',
        '0.0.0.0',
      ]) {
        expect(`${host} ${await first.tcp(host, port)}`).toMatch(/silent|ECONNREFUSED 0.0.0.0|0.0.0.0 ECONNREFUSED/)
      }
      // What answers the VPC's DNS server is for that one alone.
      expect(await first.tcp('172.31.0.2', 5300)).toBe('silent')
    } finally {
      service.close()
    }
  })

  test('a token does not come farther than the hop limit, another answer does', async () => {
    const container = await first.container()
    expect(await ask(first, 'PUT')).toBe('TOKEN')
    expect(await ask(container, 'GET')).toBe('PLAIN')
    expect(await ask(container, 'PUT')).toBe('silent')
    const [own, other] = interfaces
    await lab.network().converge(wanted(open, { interfaces: [{ ...own, metadata: { hopLimit: 2 } }, other] }))
    expect(await ask(container, 'PUT')).toBe('TOKEN')
    await lab.network().converge(wanted(open))
    expect(await ask(container, 'PUT')).toBe('silent')
  })

  test('a network ACL checks what crosses the edge of its subnet, each packet on its own, and nothing within', async () => {
    const neighbour = networkInterface(7, { privateIp: '172.31.16.7', subnetId: 'subnet-2', groupIds: ['sg-1'] })
    const groups = [group('sg-1', [anywhere]), group('sg-2', [anywhere])]
    const withAcl = (ingress: readonly AclEntry[], egress: readonly AclEntry[]) =>
      wanted(groups, {
        interfaces: [...interfaces, neighbour],
        subnets: [
          { id: 'subnet-1', cidr: '172.31.0.0/20', routes: [toInternet], acl: { ingress, egress } },
          { id: 'subnet-2', cidr: '172.31.16.0/20', routes: [toInternet] },
        ],
      })
    const all: AclEntry = { protocol: 'all', cidr: '0.0.0.0/0', isAllowed: true }
    const web: AclEntry = { ...webPort, isAllowed: true }
    const answers: AclEntry = {
      protocol: 'tcp',
      fromPort: 1024,
      toPort: 65_535,
      cidr: '172.31.16.0/20',
      isAllowed: true,
    }
    const third = await lab.plug('vpc-1', neighbour)
    const probe = async () =>
      await Promise.all([
        third.tcp('172.31.0.6', 8080),
        third.tcp('172.31.0.6', 8081),
        // Within the subnet.
        first.tcp('172.31.0.6', 8081),
      ])
    await lab.network().converge(withAcl([web], [answers]))
    expect(await probe()).toEqual(['open', 'silent', 'open'])
    await lab.network().converge(withAcl([web], [{ ...answers, toPort: 1025 }]))
    expect(await probe()).toEqual(['silent', 'silent', 'open'])
    await lab.network().converge(withAcl([{ ...web, cidr: '172.31.16.7/32', isAllowed: false }, all], [all]))
    expect(await probe()).toEqual(['silent', 'open', 'open'])
    await lab.network().converge(withAcl([], []))
    expect(await probe()).toEqual(['silent', 'silent', 'open'])
    expect(await ask(first, 'GET')).toBe('PLAIN')
    expect(await resolveName(first, 'ip-172-31-0-6.ec2.internal')).toBe('172.31.0.6')
    await lab.network().converge(wanted(open))
  })

  test('a packet has up to 9001 bytes within the VPC and 1500 to the internet; who sends a longer one is told', async () => {
    const [, { privateIp }] = interfaces
    await lab.network().converge(wanted([group('sg-1', [anywhere]), group('sg-2', [anywhere])]))
    expect(await second.receivedBytes(9, async () => await first.toldMtu(privateIp, 9001))).toBe(9001)
    await until(async () => (await lab.inside('vpc-1', 'ip', '-br', 'link')).includes('egress0'))
    expect(await first.toldMtu('198.51.100.7', 9001)).toBe(1500)
    await lab.network().converge(wanted(open))
  })

  test('dnsmasq and pasta that die are there again', async () => {
    const directory = join(lab.networksDirectory, 'vpc-1')
    const pidOf = async (name: string) => Number(await readFile(join(directory, name), 'utf8').catch(() => ''))
    for (const [file, word] of [
      ['dnsmasq.pid', 'dnsmasq'],
      ['pasta.pid', 'pasta'],
    ] as const) {
      await until(async () => (await pidOf(file)) > 0)
      const before = await pidOf(file)
      expect(await readFile(`/proc/${before}/cmdline`, 'utf8')).toContain(word)
      process.kill(before, 'SIGKILL')
      await until(async () => (await pidOf(file)) > 0 && (await pidOf(file)) !== before)
    }
    await until(async () => (await resolveName(first, 'ip-172-31-0-6.ec2.internal')) === '172.31.0.6')
    expect(await lab.inside('vpc-1', 'ip', '-br', 'addr', 'show', 'egress0')).toContain('169.254.169.249/30')
  })
})
