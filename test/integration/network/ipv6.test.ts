import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Partition } from '../../../src/ec2/ports/impairment.ts'
import type { FirewallGroup, FirewallRule } from '../../../src/ec2/ports/firewall.ts'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { askTime, hearAnswers, timeRequest } from './time-client.ts'
import {
  anywhere,
  anywhereByIpv6,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  toInternet,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

const block = 'fd12:3456:789a'
const addressOf = { first: `${block}::5`, second: `${block}:1::6`, third: `${block}:1::7` }

// Two guests with IPv6 in two subnets, the second of whose has two; one in a subnet without.
const interfaces = [
  networkInterface(5, {
    groupIds: ['sg-1'],
    ipv6Addresses: [{ address: addressOf.first, names: ['first.ec2.internal'] }],
  }),
  networkInterface(6, {
    subnetId: 'subnet-2',
    privateIp: '172.31.16.6',
    groupIds: ['sg-2'],
    ipv6Addresses: [
      { address: addressOf.second, names: ['second.ec2.internal'] },
      { address: addressOf.third, names: [] },
    ],
    metadata: { hopLimit: 1, hasIpv6Endpoint: true },
  }),
  networkInterface(7, { subnetId: 'subnet-3', privateIp: '172.31.32.7', groupIds: ['sg-1'] }),
] as const

const byIpv6: FirewallRule = { protocol: 'tcp', fromPort: 8080, toPort: 8080, cidr: '::/0' }
const everything = [anywhere, anywhereByIpv6]
const open = [group('sg-1', everything, everything), group('sg-2', [byIpv6], everything)]

function wanted(groups: readonly FirewallGroup[], changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return vpc({
    groups,
    interfaces,
    ipv6Cidrs: [`${block}::/56`],
    // Its clients ask again every two seconds.
    dhcp: { ...vpc().dhcp, ipv6PreferredLeaseSeconds: 4 },
    subnets: [
      { id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: `${block}::/64`, routes: [toInternet] },
      { id: 'subnet-2', cidr: '172.31.16.0/20', ipv6Cidr: `${block}:1::/64`, routes: [toInternet] },
      { id: 'subnet-3', cidr: '172.31.32.0/20', routes: [toInternet] },
    ],
    ...changes,
  })
}

let lab: VpcLab
let first: FakeGuest
let second: FakeGuest
let without: FakeGuest

beforeAll(async () => {
  lab = await openVpcLab((request, response) => {
    // As the real service answers: only a token's first header begins with X-.
    if (request.method === 'PUT') response.writeHead(200, ['X-Ttl', '60', 'Content-Length', '5']).end('TOKEN')
    else response.end(request.socket.remoteAddress)
  })
  await lab.network().converge(vpc())
  ;[first, second, without] = await Promise.all([
    lab.plug('vpc-1', interfaces[0]),
    lab.plug('vpc-1', interfaces[1]),
    lab.plug('vpc-1', interfaces[2]),
  ])
  await lab.network().converge(wanted(open))
  await Promise.all([first.solicit(), second.solicit()])
  await second.serve(8080)
  await second.serve(8081)
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
})

/** Those that it can use: for a second it asks whether anybody else has one (RFC 4862, duplicate address detection). */
async function globalAddresses(guest: FakeGuest): Promise<string[]> {
  const text = await guest.run('ip', '-6', '-o', 'addr', 'show', 'dev', 'eth0', 'scope', 'global', '-tentative')
  return [...text.matchAll(/inet6 (\S+)/g)].map(([, address = '']) => address).sort()
}

test('a guest has its addresses by DHCP, and its way by a router that tells of itself', async () => {
  await until(async () => (await globalAddresses(first)).length === 1)
  expect(await globalAddresses(first)).toEqual([`${addressOf.first}/128`])
  await until(async () => (await globalAddresses(second)).length === 2)
  expect(await globalAddresses(second)).toEqual([`${addressOf.third}/128`, `${addressOf.second}/128`].sort())
  await until(async () => (await first.run('ip', '-6', 'route', 'show', 'default')).includes('via fe80::1'))
})

test('a guest hears by DHCPv6 of the name servers and time servers that have IPv6 addresses', async () => {
  /** What it was told the last time that it was told anything of that. */
  const told = async (option: string) =>
    [...(await first.ipv6Lease()).matchAll(new RegExp(`option dhcp6\\.${option} ([^;]+);`, 'g'))].at(-1)?.[1]
  await until(async () => (await told('name-servers')) === 'fd00:ec2::253')
  const servers = {
    nameServers: ['10.0.0.53', '2001:db8::53', 'AmazonProvidedDNS', '2001:DB8::54'],
    ntpServers: ['10.0.0.123', '2001:db8::123'],
  }
  await lab.network().converge(wanted(open, { dhcp: { ipv6PreferredLeaseSeconds: 4, ...servers } }))
  await until(async () => (await told('name-servers')) === '2001:db8::53,fd00:ec2::253,2001:db8::54')
  await lab.network().converge(wanted(open))
  await until(async () => (await told('name-servers')) === 'fd00:ec2::253')
})

test('guests of two subnets reach each other where groups let them', async () => {
  expect(await first.tcp(addressOf.second, 8080)).toBe('open')
  expect(await first.tcp(addressOf.third, 8080)).toBe('open')
  expect(await first.tcp(addressOf.second, 8081)).toBe('silent')
  await lab
    .network()
    .converge(wanted([group('sg-1', [], everything), group('sg-2', [{ protocol: 'all', groupId: 'sg-1' }])]))
  expect(await first.tcp(addressOf.second, 8081)).toBe('open')
  await lab.network().converge(wanted([group('sg-1', [], [anywhere]), group('sg-2', everything)]))
  expect(await first.tcp(addressOf.second, 8081)).toBe('silent')
  expect(await first.tcp('172.31.16.6', 8081)).toBe('open')
  await lab.network().converge(wanted(open))
})

async function ask(guest: FakeGuest, question: string): Promise<string[]> {
  return await guest.evaluate<string[]>(`
    const resolver = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 2 })
    resolver.setServers(['[fd00:ec2::253]:53'])
    return await resolver.${question}.catch((error) => [error.code])`)
}

test('the resolver answers by IPv6, and knows the names of IPv6 addresses, by name and back', async () => {
  expect(await ask(first, `resolve6('second.ec2.internal')`)).toEqual([addressOf.second])
  expect(await ask(first, `resolve4('second.ec2.internal')`)).toEqual(['ENODATA'])
  expect(await ask(first, `reverse('${addressOf.first}')`)).toEqual(['first.ec2.internal'])
  expect(await ask(first, `reverse('${addressOf.third}')`)).toEqual(['ENOTFOUND'])
  expect(await ask(first, `resolve4('ip-172-31-0-5.ec2.internal')`)).toEqual(['172.31.0.5'])
  expect(await first.tcp('fd00:ec2::253', 53)).toBe('open')
  expect(await lab.network().resolve('vpc-1', 'second.ec2.internal')).toEqual([addressOf.second])
})

async function metadata(guest: FakeGuest, method = 'GET'): Promise<string> {
  return await guest.evaluate<string>(`return await new Promise((resolve) => {
    require('http').request('http://[fd00:ec2::254]/latest/', { method: '${method}', timeout: 3000 }, (response) => response.on('data', (data) => resolve(String(data))))
      .on('timeout', () => resolve('silent')).on('error', (error) => resolve(error.code)).end()
  })`)
}

test('a token goes no further than its hop limit by IPv6, either', async () => {
  const counted = 'tcp sport 80 @ih,0,8 != 0'
  await second.run('nft', 'add table ip6 t; add chain ip6 t c { type filter hook input priority 0; }')
  await second.run(
    'nft',
    `add rule ip6 t c ${counted} ip6 hoplimit 1 counter; add rule ip6 t c ${counted} ip6 hoplimit > 1 counter`,
  )
  const counts = async () =>
    [...(await second.run('nft', 'list', 'chain', 'ip6', 't', 'c')).matchAll(/packets (\d+)/g)].map(
      ([, count]) => Number(count) > 0,
    )
  expect(await metadata(second)).not.toBe('silent')
  expect(await counts()).toEqual([false, true])
  expect(await metadata(second, 'PUT')).toBe('TOKEN')
  expect(await counts()).toEqual([true, true])
})

test('the metadata service answers by IPv6 whom its instance lets, and knows who asks; the EC2 API answers all', async () => {
  expect([addressOf.second, addressOf.third]).toContain(await metadata(second))
  expect(await metadata(first)).toBe('ECONNREFUSED')
  expect(await first.tcp('fd00:ec2::254', 8773)).toBe('open')
  expect(await first.tcp(`${block}::1`, 80)).toBe('silent')
})

test.each(['169.254.169.123', 'fd00:ec2::123'])(
  'the time service answers at %s with the time of this host, whatever groups say',
  async (server) => {
    await lab.network().converge(wanted([]))
    const before = Date.now()
    const answer = await askTime(first, server)
    const toleranceMs = 10_000
    expect(answer).toMatchObject({ version: 4, mode: 4, originate: timeRequest.subarray(40).toString('hex') })
    const { leapIndicator, stratum, setAtMs = 0, receivedMs = 0, sentMs = 0 } = answer ?? {}
    // Of a clock that nobody keeps, or of one like Amazon's.
    expect([[0, 3].join(), [3, 0].join()]).toContain([leapIndicator, stratum].join())
    expect(Math.abs(receivedMs - before)).toBeLessThan(toleranceMs)
    expect(sentMs).toBeGreaterThanOrEqual(receivedMs)
    expect(sentMs).toBeLessThan(receivedMs + toleranceMs)
    expect(setAtMs).toBeLessThanOrEqual(sentMs)
    await lab.network().converge(wanted(open))
  },
)

test('the time service says nothing to what is no request of a client', async () => {
  const changed = (byte: number) =>
    Buffer.concat([Buffer.from([byte]), timeRequest.subarray(1, 40), Buffer.alloc(8, 1)])
  const malformed = [
    Buffer.alloc(0),
    timeRequest.subarray(0, 47),
    // Versions that nobody has heard of; a peer, a server, a broadcast, and what asks about the server itself.
    ...[0x03, 0x2b, 0x21, 0x24, 0x25, 0x26, 0x27].map(changed),
  ]
  // By the answer to the last one all before it have been read.
  const heard = await hearAnswers(first, '169.254.169.123', [...malformed, timeRequest])
  expect(heard).toHaveLength(1)
  // With an extension, as new clients send it; the answer is no longer than a plain question.
  expect((await hearAnswers(first, 'fd00:ec2::123', [Buffer.concat([timeRequest, Buffer.alloc(28)])]))[0]).toHaveLength(
    48,
  )
})

test('an IPv6 route leads by an interface, to nowhere, and back when it is gone', async () => {
  const behind = '2001:db8:9::1'
  await second.run('ip', 'addr', 'add', `${behind}/128`, 'dev', 'lo')
  const carrying = [interfaces[0], { ...interfaces[1], hasSourceDestCheck: false }, interfaces[2]]
  const apply = async (...targets: readonly RouteNetwork[]) => {
    const [subnet, ...others] = wanted(open).subnets
    if (!subnet) throw new Error('there is no subnet')
    const routed = { ...subnet, routes: [toInternet, ...targets] }
    await lab.network().converge(wanted(open, { interfaces: carrying, subnets: [routed, ...others] }))
    expect(
      lab
        .network()
        .warnings()
        .filter((warning) => !warning.includes('way out')),
    ).toEqual([])
  }
  const byInterface = { kind: 'interface', interfaceId: interfaces[1].id } as const
  await apply({ destination: '2001:db8:9::/64', target: byInterface })
  expect(await first.tcp(behind, 8080)).toBe('open')
  // Said again, everything is found in place.
  await apply({ destination: '2001:db8:9::/64', target: byInterface })
  expect(await first.tcp(behind, 8080)).toBe('open')
  await apply(
    { destination: '2001:db8:9::/64', target: byInterface },
    { destination: `${behind}/128`, target: { kind: 'blackhole' } },
  )
  expect(await first.tcp(behind, 8080)).toBe('silent')
  expect(await first.tcp(addressOf.second, 8080)).toBe('open')
  await apply()
  expect(await first.tcp(behind, 8080)).not.toBe('open')
})

test('a partition stops packets of IPv6, too', async () => {
  const partition: Partition = [
    ['172.31.0.5', addressOf.first],
    ['172.31.16.6', addressOf.second, addressOf.third],
  ]
  await lab.network().converge(wanted(open, { impairments: { interfaces: [], partitions: [partition] } }))
  expect(await first.tcp(addressOf.second, 8080)).toBe('silent')
  await lab.network().converge(wanted(open))
  expect(await first.tcp(addressOf.second, 8080)).toBe('open')
})

test('the host reaches guests by IPv6 from the router of their subnet', async () => {
  const socket = await lab.network().dial('vpc-1', addressOf.second, 8080, AbortSignal.timeout(5000))
  expect(await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))))).toBe('hello\n')
  socket.destroy()
})

test('a guest hears of another address when it asks again, from the next daemon, too', async () => {
  const moved = { ...interfaces[0], ipv6Addresses: [{ address: `${block}::9`, names: [] }] }
  await lab.restart(['vpc-1'])
  await lab.network().converge(wanted(open, { interfaces: [moved, interfaces[1], interfaces[2]] }))
  await until(async () => (await globalAddresses(first)).join() === `${block}::9/128`)
  await lab.network().converge(wanted(open))
  await until(async () => (await globalAddresses(first)).join() === `${addressOf.first}/128`)
})

test('where everything is in place nothing is done, and what was taken away comes back', async () => {
  const tap = interfaces[0].tapName
  await lab.inside('vpc-1', 'ip', 'addr', 'del', 'fe80::1/64', 'dev', tap)
  await lab.inside('vpc-1', 'ip', '-6', 'route', 'del', `${addressOf.first}/128`)
  await lab.inside('vpc-1', 'ip', 'addr', 'add', 'fe80::2/64', 'dev', tap, 'nodad')
  await lab.network().converge(wanted(open))
  const shown = await lab.inside('vpc-1', 'ip', '-6', '-o', 'addr', 'show', 'dev', tap)
  expect([...shown.matchAll(/inet6 (\S+)/g)].map(([, address]) => address)).toEqual(['fe80::1/64'])
  expect(await lab.inside('vpc-1', 'ip', '-6', 'route', 'show', addressOf.first)).toContain(`dev ${tap}`)
  expect(lab.network().warnings()).toEqual([])
})

test('a VPC that loses its IPv6 and has it again at once, has it', async () => {
  const taken = wanted(open, {
    ipv6Cidrs: [],
    subnets: wanted(open).subnets.map(({ ipv6Cidr: _cidr, ...subnet }) => subnet),
    interfaces: interfaces.map(({ ...own }) => ({ ...own, ipv6Addresses: [] })),
  })
  await lab.network().converge(taken)
  await lab.network().converge(wanted(open))
  await until(async () => (await ask(first, `resolve6('second.ec2.internal')`)).join() === addressOf.second)
  expect(await first.tcp(addressOf.second, 8080)).toBe('open')
})

test('a subnet without a block has no IPv6: no router tells of itself there', async () => {
  // With the link its address goes, so this comes last.
  await without.run('sh', '-c', 'ip link set eth0 down; ip link set eth0 up')
  await first.run('sh', '-c', 'ip -6 route del default; ip link set eth0 down; ip link set eth0 up')
  await until(async () => (await first.run('ip', '-6', 'route', 'show', 'default')).includes('via fe80::1'))
  expect(await without.run('ip', '-6', 'route', 'show', 'default')).toBe('')
})
