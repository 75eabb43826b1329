import { createServer } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Attack, writeAttackReport } from './attack/report.ts'
import { askTime } from './time-client.ts'
import {
  anywhere,
  anywhereByIpv6,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

// A guest that does what it likes with its interface, beside two that must not notice. Every group is open: it is not the groups that stop it.
const block = 'fd12:3456:789a'
const inGroup = (number: number, hasSourceDestCheck = true) =>
  networkInterface(number, {
    groupIds: ['sg-1'],
    hasSourceDestCheck,
    ipv6Addresses: [{ address: ipv6Of(number), names: [] }],
    metadata: { hopLimit: 1, hasIpv6Endpoint: true },
  })
const interfaces = [inGroup(5), inGroup(6), inGroup(7), inGroup(8, false)] as const
const [own, victim, other, routing] = interfaces
const gateway = '172.31.0.1'
const own6 = ipv6Of(5)
const victim6 = ipv6Of(6)
const other6 = ipv6Of(7)

function ipv6Of(number: number): string {
  return `${block}::${number}`
}

let lab: VpcLab
let attacker: FakeGuest
let neighbour: FakeGuest
let third: FakeGuest
let router: FakeGuest
/** Whom the metadata service took its requests to be from. */
const askers: string[] = []
const attacks: Attack[] = []

beforeAll(async () => {
  lab = await openVpcLab((request, response) => {
    const asker = request.socket.remoteAddress ?? ''
    askers.push(asker)
    response.end(asker)
  })
  await lab.network().converge(vpc())
  ;[attacker, neighbour, third, router] = await Promise.all([
    lab.plug('vpc-1', own),
    lab.plug('vpc-1', victim),
    lab.plug('vpc-1', other),
    lab.plug('vpc-1', routing),
  ])
  const everything = [anywhere, anywhereByIpv6]
  await lab.network().converge(
    vpc({
      groups: [group('sg-1', everything, everything)],
      interfaces,
      ipv6Cidrs: [`${block}::/56`],
      subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: `${block}::/64`, routes: [] }],
    }),
  )
  for (const [index, guest] of [attacker, neighbour, third, router].entries()) {
    await guest.run('ip', '-6', 'addr', 'add', `${ipv6Of(index + 5)}/128`, 'dev', 'eth0', 'nodad')
    await until(async () => (await guest.run('ip', '-6', 'route', 'show', 'default')).includes('via fe80::1'))
  }
  await neighbour.serve(8080)
})
afterAll(async () => {
  expect(await lab.close(['vpc-1'])).toEqual([])
  await writeAttackReport(attacks)
})

async function droppedOf({ tapName }: { tapName: string }): Promise<number> {
  const { forged = 0, flood = 0 } = (await lab.network().droppedPackets('vpc-1')).get(tapName) ?? {}
  return forged + flood
}

/** Sends frames and answers how many were dropped for it. */
async function attack(
  what: string,
  kind: string,
  count: number,
  options: Readonly<Record<string, string | number>> = {},
  from: { guest: FakeGuest; interface: (typeof interfaces)[number] } = { guest: attacker, interface: own },
): Promise<number> {
  const { mac, privateIp, tapName } = from.interface
  const [link] = JSON.parse(await lab.inside('vpc-1', 'ip', '-j', 'link', 'show', tapName)) as { address: string }[]
  const all = {
    ...{ mac, ip: privateIp, gateway, router: link?.address ?? '' },
    ...{ victim: victim.privateIp, victim_mac: victim.mac, ip6: own6, victim6, ...options },
  }
  const before = await droppedOf(from.interface)
  const script = join(import.meta.dirname, 'attack/send.py')
  const pairs = Object.entries(all).map(([key, value]) => `${key}=${value}`)
  expect(await from.guest.run('python3', script, kind, String(count), ...pairs)).toBe(String(count))
  const dropped = (await droppedOf(from.interface)) - before
  attacks.push({ what, sent: count, dropped })
  return dropped
}

/** What a guest hears on a UDP port while something is done. */
async function heardBy(guest: FakeGuest, port: number, work: () => Promise<unknown>): Promise<number> {
  const script = `
    // Of both families.
    const socket = require('dgram').createSocket('udp6')
    let count = 0
    socket.on('message', (data) => {
      if (String(data) === 'end') socket.close(() => process.stdout.write(String(count), () => process.exit()))
      else count++
    })
    socket.bind(${port})`
  const heard = guest.run(process.execPath, '-e', script)
  await until(async () => (await guest.run('ss', '-Hlun', 'sport', '=', `:${port}`)) !== '')
  await work()
  await third.evaluate(
    `await new Promise((resolve) => require('dgram').createSocket('udp4').send('end', ${port}, '${victim.privateIp}', resolve))`,
  )
  return Number(await heard)
}

async function metadata(guest: FakeGuest, server = '169.254.169.254'): Promise<string> {
  return await guest.evaluate<string>(`return await new Promise((resolve) => {
    require('http').get('http://${server}/latest/', { timeout: 5000 }, (response) => response.on('data', (data) => resolve(String(data))))
      .on('timeout', () => resolve('silent')).on('error', (error) => resolve(error.code))
  })`)
}

test('an honest packet arrives, and is counted by nobody', async () => {
  expect(
    await heardBy(
      neighbour,
      9,
      async () => await attack('none: its own address', 'forged-address', 20, { as: own.privateIp }),
    ),
  ).toBe(20)
  expect(await droppedOf(own)).toBe(0)
  attacks.length = 0
})

test("packets under another's address or MAC reach nobody", async () => {
  const heard = await heardBy(neighbour, 9, async () => {
    expect(await attack("datagrams under a neighbour's address", 'forged-address', 200, { as: other.privateIp })).toBe(
      200,
    )
    expect(await attack('datagrams under an address of the world', 'forged-address', 200, { as: '203.0.113.9' })).toBe(
      200,
    )
    expect(await attack("datagrams under a neighbour's MAC", 'forged-mac', 200)).toBe(200)
  })
  expect(heard).toBe(0)
})

test("nobody gets at another's metadata, a guest that may route neither", async () => {
  askers.length = 0
  const forged = { as: victim.privateIp }
  expect(
    await attack("connections to the metadata service under a neighbour's address", 'forged-syn', 200, forged),
  ).toBe(200)
  const from = { guest: router, interface: routing }
  const what = 'the same, from an interface without source/destination check'
  expect(await attack(what, 'forged-syn', 200, forged, from)).toBe(200)
  expect(await metadata(attacker)).toBe(own.privateIp)
  expect(await metadata(neighbour)).toBe(victim.privateIp)
  expect(askers).toEqual([own.privateIp, victim.privateIp])
})

test('nobody has the time service say anything to another', async () => {
  const question = "questions to the time service under a neighbour's"
  const heard = await heardBy(neighbour, 5000, async () => {
    expect(await attack(`${question} address`, 'forged-time', 200, { as: victim.privateIp })).toBe(200)
    expect(await attack(`${question} IPv6 address`, 'forged6-time', 200, { as: victim6 })).toBe(200)
  })
  expect(heard).toBe(0)
})

test('questions about the time that cannot be answered, or are too many, take nobody the time', async () => {
  await attack('none', 'time-flood', 5, { port: 0 })
  attacks.pop()
  expect(await askTime(neighbour, '169.254.169.123')).toBeDefined()
  // Its share of packets is that of all services, which is looked at below.
  await attack('none', 'time-flood', 50_000, { port: 5000 })
  attacks.pop()
  expect(await askTime(neighbour, '169.254.169.123')).toBeDefined()
  expect(await askTime(neighbour, 'fd00:ec2::123')).toBeDefined()
})

test('ARP cannot draw away what is for a neighbour, nor fill the table of neighbours', async () => {
  expect(await attack("ARP that claims a neighbour's address", 'arp-claim', 200)).toBe(200)
  expect(await third.tcp(victim.privateIp, 8080)).toBe('open')
  expect(await attack('ARP under ten thousand addresses', 'arp-flood', 10_000)).toBe(10_000)
  const known = await lab.inside('vpc-1', 'ip', '-4', 'neigh', 'show', 'dev', own.tapName)
  expect(known.split('\n').filter((line) => !line.startsWith(own.privateIp))).toEqual([])
  expect(await third.tcp(victim.privateIp, 8080)).toBe('open')
})

test('no guest is a DHCP server, or a router of IPv6', async () => {
  const heard = await heardBy(neighbour, 68, async () => {
    expect(await attack('DHCP answers to a neighbour', 'dhcp-server', 100)).toBe(100)
  })
  expect(heard).toBe(0)
  // The router's kernel has IPv6 turned off, and drops them uncounted.
  const before = await neighbour.run('ip', '-6', 'route', 'show', 'default')
  expect(await attack('IPv6 router advertisements', 'router-advertisement', 100)).toBe(100)
  expect(await attack('IPv6 redirects to a neighbour', 'redirect', 100)).toBe(100)
  const withoutAge = (routes: string) => routes.replace(/expires \d+sec/g, '')
  expect(withoutAge(await neighbour.run('ip', '-6', 'route', 'show', 'default'))).toBe(withoutAge(before))
  const heardByIpv6 = await heardBy(neighbour, 546, async () => {
    expect(await attack('DHCPv6 answers to a neighbour', 'dhcp6-server', 100)).toBe(100)
  })
  expect(heardByIpv6).toBe(0)
})

test("packets under another's IPv6 address or MAC reach nobody", async () => {
  const heard = await heardBy(neighbour, 9, async () => {
    for (const [whose, as] of [
      ["a neighbour's IPv6 address", other6],
      ['an IPv6 address of the world', '2001:db8::9'],
      ["the router's link-local address", 'fe80::1'],
    ]) {
      expect(await attack(`datagrams under ${whose}`, 'forged6-address', 200, { as: as ?? '' })).toBe(200)
    }
    expect(await attack("datagrams of IPv6 under a neighbour's MAC", 'forged6-mac', 200)).toBe(200)
  })
  expect(heard).toBe(0)
  expect(await heardBy(neighbour, 9, async () => await attack('none', 'forged6-address', 20, { as: own6 }))).toBe(20)
  attacks.pop()
})

test("nobody gets at another's metadata by IPv6", async () => {
  askers.length = 0
  const forged = { as: victim6 }
  const what = "connections to the metadata service under a neighbour's IPv6 address"
  expect(await attack(what, 'forged6-syn', 200, forged)).toBe(200)
  const from = { guest: router, interface: routing }
  expect(await attack(`${what}, without source/destination check`, 'forged6-syn', 200, forged, from)).toBe(200)
  // Who has no address yet has no instance's data either; an honest guest may try that, and it is no attack.
  await attack('the same under a link-local one', 'forged6-syn', 200, { as: 'fe80::ff:fe00:6' })
  attacks.pop()
  expect(await metadata(attacker, '[fd00:ec2::254]')).toBe(own6)
  expect(await metadata(neighbour, '[fd00:ec2::254]')).toBe(victim6)
  expect(askers).toEqual([own6, victim6])
})

test('neighbour discovery cannot draw away what is for a neighbour, nor fill the table of neighbours', async () => {
  const claim = { as: own6, claim: victim6 }
  expect(
    await attack("advertisements that claim a neighbour's IPv6 address", 'neighbour-claim', 200, claim),
  ).toBeGreaterThan(0)
  expect(await third.tcp(victim6, 8080)).toBe('open')
  expect(await attack('solicitations under ten thousand addresses', 'neighbour-flood', 10_000)).toBeGreaterThan(9000)
  const known = await lab.inside('vpc-1', 'ip', '-6', 'neigh', 'show', 'dev', own.tapName)
  expect(known.split('\n').length).toBeLessThan(200)
  expect(await third.tcp(victim6, 8080)).toBe('open')
})

test('a flood of DHCPv6 is cut off, and takes nobody the answers of its resolver', async () => {
  expect(await attack('DHCPv6 solicitations of ten thousand clients', 'dhcp6-flood', 10_000)).toBeGreaterThan(9000)
  const answer = await neighbour.evaluate<string[]>(`
    const resolver = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 1 })
    resolver.setServers(['[fd00:ec2::253]:53'])
    return await resolver.resolve4('ip-172-31-0-6.ec2.internal')`)
  expect(answer).toEqual([victim.privateIp])
})

test('a flood of DHCP is cut off, and takes nobody the lease', async () => {
  await attack("DHCP releases in a neighbour's name", 'dhcp-release', 100)
  const dropped = await attack('DHCP requests under ten thousand MACs', 'dhcp-flood', 10_000)
  expect(dropped).toBeGreaterThan(9000)
  expect(await lease(neighbour)).toBe(victim.privateIp)
})

/** The address that a guest's DHCP client is offered. */
async function lease(guest: FakeGuest): Promise<string> {
  return await guest.evaluate<string>(`
    const socket = require('dgram').createSocket('udp4')
    await new Promise((resolve) => socket.bind(68, resolve))
    socket.setBroadcast(true)
    const discover = Buffer.alloc(244)
    Buffer.from('0101060000000009', 'hex').copy(discover)
    Buffer.from('${victim.mac.replaceAll(':', '')}', 'hex').copy(discover, 28)
    Buffer.from('63825363350101ff', 'hex').copy(discover, 236)
    discover.writeUInt16BE(0x8000, 10)
    return await new Promise((resolve) => {
      socket.on('message', (offer) => { clearInterval(timer); socket.close(); resolve([...offer.subarray(16, 20)].join('.')) })
      const ask = () => socket.send(discover, 67, '255.255.255.255')
      const timer = setInterval(ask, 1000)
      ask()
    })`)
}

test('a flood of its router leaves the others its services', async () => {
  expect(await attack('datagrams to the router', 'service-flood', 50_000)).toBeGreaterThan(1000)
  expect(await metadata(neighbour)).toBe(victim.privateIp)
  expect(await attack('datagrams of IPv6 to the router', 'service6-flood', 50_000)).toBeGreaterThan(1000)
  expect(await metadata(neighbour, '[fd00:ec2::254]')).toBe(victim6)
})

test('a flood of connections leaves the others theirs', async () => {
  const dropped = await attack('datagrams of forty thousand connections', 'connections', 40_000)
  expect(dropped).toBeGreaterThan(0)
  expect(await third.tcp(victim.privateIp, 8080)).toBe('open')
  expect(await neighbour.tcp('169.254.169.254', 80)).toBe('open')
})

test("a guest reaches nothing of the host's own: loopback, addresses, other link-local services", async () => {
  const secret = createServer((_request, response) => response.end('secret'))
  await new Promise<void>((resolve) => secret.listen(0, '0.0.0.0', resolve))
  const address = secret.address()
  const port = typeof address === 'object' && address ? address.port : 0
  let connections = 0
  secret.on('connection', () => connections++)
  try {
    await attack("connections to the host's loopback", 'loopback', 100, { port })
    const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    const addresses = own.filter(({ family, internal }) => family === 'IPv4' && !internal).map((entry) => entry.address)
    for (const target of [...addresses, '127.0.0.1', '169.254.170.2', '169.254.169.250']) {
      expect([target, await attacker.tcp(target, port)]).not.toEqual([target, 'open'])
    }
    expect(connections).toBe(0)
  } finally {
    secret.close()
  }
})
