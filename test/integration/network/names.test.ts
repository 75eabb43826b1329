import { mkdtemp, readFile, rename, rm, symlink, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { VpcNames } from '../../../src/ec2/ports/vpc-names.ts'
import type { VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { followResolvConf } from '../../../src/network/dns/resolv-conf.ts'
import { type FakeResolver, startFakeResolver } from './fake-resolver.ts'
import { type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

/** What a guest is answered: the code, then the records of the answer in short. */
async function ask(guest: FakeGuest, name: string, type = 'A', transport = 'udp', server = '172.31.0.2') {
  return await guest.evaluate<string>(`
    const packet = require('dns-packet')
    const query = { type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ name: '${name}', type: '${type}' }] }
    const show = (reply) => [reply.rcode, reply.flag_tc ? 'truncated' : '', ...reply.answers.map(({ type, data, ttl }) =>
      [type, type === 'TXT' ? data.map((part) => part.length > 20 ? part.length + ' bytes' : String(part)).join('+') : typeof data === 'string' ? data : Object.values(data).join(' '), ttl].join(' '))].filter(Boolean).join(', ')
    return await new Promise((resolve) => {
      setTimeout(() => resolve('silent'), 3000)
      if ('${transport}' === 'udp') {
        const socket = require('dgram').createSocket('udp4')
        socket.on('message', (message) => resolve(show(packet.decode(message))))
        socket.send(packet.encode(query), 53, '${server}')
      } else {
        const socket = require('net').connect(53, '${server}', () => socket.write(packet.streamEncode(query)))
        let all = Buffer.alloc(0)
        socket.on('error', (error) => resolve(error.code))
        socket.on('data', (data) => {
          all = Buffer.concat([all, data])
          if (all.length >= 2 && all.length >= 2 + all.readUInt16BE(0)) resolve(show(packet.streamDecode(all)))
        })
      }
    })`)
}

/** What a guest is told when it renews its lease: options by their numbers, in hexadecimal digits. */
async function renewLease(guest: FakeGuest, address: string, mac: string): Promise<Record<string, string>> {
  return await guest.evaluate<Record<string, string>>(`
    const message = Buffer.alloc(240)
    message.set([1, 1, 6, 0, 1, 2, 3, 4])
    message.set('${address}'.split('.').map(Number), 12)
    message.set('${mac}'.split(':').map((part) => parseInt(part, 16)), 28)
    message.set([99, 130, 83, 99], 236)
    // DHCPREQUEST; all options that there are to be asked for.
    const options = [53, 1, 3, 55, 8, 1, 3, 6, 12, 15, 42, 44, 46, 255]
    const socket = require('dgram').createSocket('udp4')
    return await new Promise((resolve) => {
      setTimeout(() => resolve({}), 3000)
      socket.on('message', (reply) => {
        const told = {}
        for (let at = 240; reply[at] !== 255 && at < reply.length; at += 2 + reply[at + 1])
          told[reply[at]] = reply.subarray(at + 2, at + 2 + reply[at + 1]).toString('hex')
        resolve(told)
      })
      socket.bind(68, '${address}', () => socket.send(Buffer.concat([message, Buffer.from(options)]), 67, '172.31.0.1'))
    })`)
}

describe('the resolver of a VPC', () => {
  let lab: VpcLab
  let guest: FakeGuest
  let directory: string
  let home: FakeResolver
  let office: FakeResolver
  const interfaces = [
    networkInterface(5, {
      groupIds: ['sg-1'],
      publicIp: '127.79.0.5',
      dnsNames: [
        'ip-172-31-0-5.ec2.internal',
        'i-00000000000000005.ec2.internal',
        'ec2-127-79-0-5.compute-1.amazonaws.com',
      ],
    }),
  ]
  const names: VpcNames = {
    hosts: [{ privateIp: '172.31.0.9', names: ['i-00000000000000009.ec2.internal'] }],
    zones: [
      {
        name: 'lab.internal',
        records: [
          { name: 'web.lab.internal', type: 'A', ttl: 300, values: ['172.31.0.5', '172.31.0.6'] },
          { name: 'web.lab.internal', type: 'TXT', ttl: 300, values: ['first', 'x'.repeat(300)] },
          { name: 'six.lab.internal', type: 'AAAA', ttl: 300, values: ['fd00::5'] },
          { name: 'www.lab.internal', type: 'CNAME', ttl: 300, values: ['web.lab.internal'] },
          { name: 'host.lab.internal', type: 'CNAME', ttl: 300, values: ['ip-172-31-0-77.ec2.internal'] },
          { name: 'world.lab.internal', type: 'CNAME', ttl: 300, values: ['example.org'] },
          { name: 'ring.lab.internal', type: 'CNAME', ttl: 300, values: ['ring.lab.internal'] },
          { name: '_db._tcp.lab.internal', type: 'SRV', ttl: 60, values: ['10 20 5432 web.lab.internal'] },
          { name: '*.apps.lab.internal', type: 'A', ttl: 60, values: ['172.31.0.8'] },
          { name: 'none.lab.internal', type: 'A', ttl: 60, values: [] },
        ],
      },
      { name: 'deep.lab.internal', records: [] },
      { name: 'example.com', records: [{ name: 'example.com', type: 'A', ttl: 60, values: ['172.31.0.5'] }] },
    ],
  }

  function wanted(changes: Partial<VpcNetwork> = {}): VpcNetwork {
    return vpc({ groups: [group('sg-1', [])], interfaces, names, ...changes })
  }

  beforeAll(async () => {
    directory = await mkdtemp('/tmp/kiln-resolver-')
    home = await startFakeResolver('127.0.0.1', 0, '192.0.2.1', (name) => {
      if (name === 'gone.example.org') return 'NXDOMAIN'
      if (name === 'slow.example.org') return 'silent'
      if (name === 'long.example.org')
        return Array.from({ length: 60 }, (_, index) => ({ name, type: 'A', ttl: 1, data: `192.0.2.${index}` }))
      return undefined
    })
    office = await startFakeResolver('127.0.0.2', home.port, '198.51.100.1')
    await writeFile(join(directory, 'resolv.conf'), 'search lan\nnameserver 127.0.0.1\n')
    const hostServers = followResolvConf({
      clock,
      path: join(directory, 'resolv.conf'),
      domains: new Map([['corp.example', [{ address: '127.0.0.2', port: home.port }]]]),
      port: home.port,
    })
    lab = await openVpcLab((_request, response) => response.end(), { hostServers })
    await lab.network().converge(vpc())
    guest = await lab.plug('vpc-1', interfaces[0] ?? networkInterface(5))
    await lab.network().converge(wanted())
    await until(async () => (await ask(guest, 'example.org')) !== 'silent')
  })
  afterAll(async () => {
    expect(await lab.close(['vpc-1'])).toEqual([])
    home.close()
    office.close()
    await rm(directory, { recursive: true })
  })

  test('knows every private address, by name and back, at both of its addresses', async () => {
    expect(await ask(guest, 'ip-172-31-0-5.ec2.internal')).toBe('NOERROR, A 172.31.0.5 60')
    expect(await ask(guest, 'ip-172-31-9-200.ec2.internal', 'A', 'tcp')).toBe('NOERROR, A 172.31.9.200 60')
    expect(await ask(guest, 'ip-172-31-0-5.ec2.internal', 'A', 'udp', '169.254.169.253')).toContain('172.31.0.5')
    expect(await ask(guest, 'i-00000000000000005.ec2.internal')).toBe('NOERROR, A 172.31.0.5 60')
    expect(await ask(guest, 'i-00000000000000009.ec2.internal')).toBe('NOERROR, A 172.31.0.9 60')
    expect(await ask(guest, '5.0.31.172.in-addr.arpa', 'PTR')).toBe('NOERROR, PTR ip-172-31-0-5.ec2.internal 60')
    expect(await ask(guest, '9.0.31.172.in-addr.arpa', 'PTR')).toBe('NOERROR, PTR i-00000000000000009.ec2.internal 60')
    expect(await ask(guest, '200.9.31.172.in-addr.arpa', 'PTR')).toBe('NOERROR, PTR ip-172-31-9-200.ec2.internal 60')
  })

  test('tells a name without that record from one that is not there', async () => {
    expect(await ask(guest, 'ip-172-31-0-5.ec2.internal', 'AAAA')).toBe('NOERROR')
    expect(await ask(guest, 'ip-172-31-9-200.ec2.internal', 'AAAA')).toBe('NOERROR')
    expect(await ask(guest, 'i-00000000000000005.ec2.internal', 'AAAA')).toBe('NOERROR')
    expect(await ask(guest, 'i-0000000000000000a.ec2.internal')).toBe('NXDOMAIN')
    expect(await ask(guest, 'ip-10-0-0-5.ec2.internal')).toBe('NXDOMAIN')
    expect(await ask(guest, 'web.lab.internal', 'AAAA')).toBe('NOERROR')
    expect(await ask(guest, 'none.lab.internal')).toBe('NOERROR')
    expect(await ask(guest, 'apps.lab.internal')).toBe('NOERROR')
    expect(await ask(guest, 'absent.lab.internal')).toBe('NXDOMAIN')
    expect(await ask(guest, 'gone.example.org')).toBe('NXDOMAIN')
  })

  test('resolves a public name to the private address, and asks the world for none of this host', async () => {
    expect(await ask(guest, 'ec2-127-79-0-5.compute-1.amazonaws.com')).toBe('NOERROR, A 172.31.0.5 60')
    expect(await ask(guest, 'ec2-127-79-0-5.compute-1.amazonaws.com', 'AAAA')).toBe('NOERROR')
    expect(await ask(guest, 'ec2-127-79-0-6.compute-1.amazonaws.com')).toBe('NXDOMAIN')
    expect(await ask(guest, 'web.default.kiln')).toBe('NXDOMAIN')
    expect(home.asked.join()).not.toMatch(/ec2-127|kiln|internal/)
    expect(await ask(guest, 'ec2-3-80-0-1.compute-1.amazonaws.com')).toBe('NOERROR, A 192.0.2.1 30')
  })

  test('answers private zones: aliases, wildcards, services, texts, the innermost zone, and nothing of the public one', async () => {
    expect(await ask(guest, 'Web.Lab.Internal')).toBe('NOERROR, A 172.31.0.5 300, A 172.31.0.6 300')
    expect(await ask(guest, 'web.lab.internal', 'TXT')).toBe('NOERROR, TXT first 300, TXT 255 bytes+45 bytes 300')
    expect(await ask(guest, 'six.lab.internal', 'AAAA')).toBe('NOERROR, AAAA fd00::5 300')
    expect(await ask(guest, 'www.lab.internal')).toBe(
      'NOERROR, CNAME web.lab.internal 300, A 172.31.0.5 300, A 172.31.0.6 300',
    )
    expect(await ask(guest, 'host.lab.internal')).toBe(
      'NOERROR, CNAME ip-172-31-0-77.ec2.internal 300, A 172.31.0.77 60',
    )
    expect(await ask(guest, 'world.lab.internal')).toBe('NOERROR, CNAME example.org 300, A 192.0.2.1 30')
    expect(await ask(guest, 'ring.lab.internal')).toBe('SERVFAIL')
    expect(await ask(guest, '_db._tcp.lab.internal', 'SRV')).toBe('NOERROR, SRV 10 20 5432 web.lab.internal 60')
    expect(await ask(guest, 'any.thing.apps.lab.internal', 'A', 'tcp')).toBe('NOERROR, A 172.31.0.8 60')
    expect(await ask(guest, 'web.deep.lab.internal')).toBe('NXDOMAIN')
    expect(await ask(guest, 'example.com')).toBe('NOERROR, A 172.31.0.5 60')
    expect(await ask(guest, 'www.example.com')).toBe('NXDOMAIN')
    expect(home.asked.join()).not.toContain('example.com')
  })

  test('a changed zone counts at once', async () => {
    const zone = (address: string) =>
      ({
        hosts: [],
        zones: [{ name: 'lab.internal', records: [{ name: 'lab.internal', type: 'A', ttl: 300, values: [address] }] }],
      }) satisfies VpcNames
    for (const address of ['10.1.1.1', '10.1.1.2']) {
      await lab.network().converge(wanted({ names: zone(address) }))
      expect(await ask(guest, 'lab.internal')).toBe(`NOERROR, A ${address} 300`)
    }
    await lab.network().converge(wanted())
  })

  test('passes on nothing but the question, by UDP and, where the answer is long, by TCP', async () => {
    expect(await ask(guest, 'example.org')).toBe('NOERROR, A 192.0.2.1 30')
    expect(await ask(guest, 'long.example.org')).toBe('NOERROR, truncated')
    expect((await ask(guest, 'long.example.org', 'A', 'tcp')).split(', ')).toHaveLength(61)
    expect(home.asked.filter((question) => question.startsWith('example.org')).at(-1)).toBe('example.org A [[]]')
    expect(await ask(guest, 'example.org', 'HTTPS')).toBe('NOERROR')
  })

  test("follows the host's resolver: a VPN comes, splits, and goes", async () => {
    const replace = async (text: string) => {
      await writeFile(join(directory, 'new'), text)
      await rename(join(directory, 'new'), join(directory, 'resolv.conf'))
    }
    const pasta = await lab.inside('vpc-1', 'ip', '-o', 'link', 'show', 'egress0').catch(() => '')
    await replace('nameserver 127.0.0.2\n')
    await until(async () => (await ask(guest, 'example.org')) === 'NOERROR, A 198.51.100.1 30')
    // The first one does not listen.
    await replace('nameserver 127.0.0.3\nnameserver 127.0.0.1\n')
    await until(async () => (await ask(guest, 'example.org')) === 'NOERROR, A 192.0.2.1 30')
    expect(await ask(guest, 'git.corp.example')).toBe('NOERROR, A 198.51.100.1 30')
    expect(await ask(guest, 'notcorp.example')).toBe('NOERROR, A 192.0.2.1 30')
    // systemd-resolved with the plain list: its stub splits, where it listens.
    await mkdir(join(directory, 'systemd/resolve'), { recursive: true })
    await writeFile(join(directory, 'systemd/resolve/resolv.conf'), 'nameserver 127.0.0.1\n')
    await writeFile(join(directory, 'systemd/resolve/stub-resolv.conf'), 'nameserver 127.0.0.2\n')
    await rm(join(directory, 'resolv.conf'))
    await symlink('systemd/resolve/resolv.conf', join(directory, 'resolv.conf'))
    await until(async () => (await ask(guest, 'example.org')) === 'NOERROR, A 198.51.100.1 30')
    await rm(join(directory, 'resolv.conf'))
    await replace('nameserver 127.0.0.1\n')
    await until(async () => (await ask(guest, 'example.org')) === 'NOERROR, A 192.0.2.1 30')
    expect(await lab.inside('vpc-1', 'ip', '-o', 'link', 'show', 'egress0').catch(() => '')).toBe(pasta)
  })

  test('answers names of the world without a way out', async () => {
    const [subnet] = vpc().subnets
    if (!subnet) throw new Error('no subnet')
    await lab.network().converge(wanted({ subnets: [{ ...subnet, routes: [] }] }))
    expect(await ask(guest, 'example.org')).toBe('NOERROR, A 192.0.2.1 30')
    await lab.network().converge(wanted())
  })

  test('a guest that floods keeps no other from its answers', async () => {
    const other = networkInterface(6, { groupIds: ['sg-1'] })
    const neighbour = await lab.plug('vpc-1', other)
    await lab.network().converge(wanted({ interfaces: [...interfaces, other] }))
    const flood = guest.evaluate<number>(`
      const packet = require('dns-packet')
      const socket = require('dgram').createSocket('udp4')
      const query = packet.encode({ type: 'query', id: 9, flags: packet.RECURSION_DESIRED, questions: [{ name: 'slow.example.org', type: 'A' }] })
      let sent = 0
      while (!require('fs').existsSync('${directory}/enough')) {
        for (let i = 0; i < 100; i++) {
          query.writeUInt16BE(sent++ & 0xffff, 0)
          socket.send(query, 53, '172.31.0.2')
        }
        // Ten times what an interface may ask; without a pause it is this host's processor that is taken from the others.
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return sent`)
    const connections = guest.evaluate<string[]>(`
      const open = Array.from({ length: 12 }, () => new Promise((resolve) => {
        const socket = require('net').connect(53, '172.31.0.2').on('error', (error) => resolve(error.code))
        socket.on('connect', () => setTimeout(() => resolve('open'), 1000)).on('close', () => resolve('closed'))
      }))
      return await Promise.all(open)`)
    expect((await connections).filter((result) => result === 'open').length).toBeLessThan(9)
    // As a resolver does, it asks again when a packet was lost.
    await until(async () => (await ask(neighbour, 'example.org')) === 'NOERROR, A 192.0.2.1 30')
    await until(async () => (await ask(neighbour, 'web.lab.internal', 'A', 'tcp')).includes('NOERROR'))
    await writeFile(join(directory, 'enough'), '')
    expect(await flood).toBeGreaterThan(2000)
    // Of one guest's questions to a server that is silent 64 are under way: the others are refused at once.
    expect(home.asked.filter((question) => question.startsWith('slow')).length).toBeLessThan(1000)
    await until(async () => (await ask(guest, 'example.org')) === 'NOERROR, A 192.0.2.1 30')
  })

  test('a guest hears of other DHCP options when it renews its lease, from the same dnsmasq', async () => {
    const { mac } = interfaces[0] ?? networkInterface(5)
    const pidOf = async () => await readFile(join(lab.networksDirectory, 'vpc-1/dnsmasq.pid'), 'utf8')
    const before = await pidOf()
    const hex = (text: string) => Buffer.from(text).toString('hex')
    const first = await renewLease(guest, '172.31.0.5', mac)
    expect(first).toMatchObject({
      53: '05',
      3: 'ac1f0001',
      6: 'ac1f0002',
      15: hex('ec2.internal'),
      12: hex('ip-172-31-0-5'),
    })
    const dhcp = {
      domainName: 'corp.example lab.internal',
      nameServers: ['10.0.0.53', 'AmazonProvidedDNS'],
      ntpServers: ['10.0.0.123'],
      netbiosNameServers: ['10.0.0.124'],
      netbiosNodeType: 2,
    }
    await lab.network().converge(wanted({ dhcp }))
    await until(async () => (await renewLease(guest, '172.31.0.5', mac))[6] === '0a000035ac1f0002')
    expect(await renewLease(guest, '172.31.0.5', mac)).toMatchObject({
      53: '05',
      15: hex('corp.example'),
      42: '0a00007b',
      44: '0a00007c',
      46: '02',
    })
    await lab.network().converge(wanted({ dhcp: { nameServers: [], ntpServers: [] } }))
    await until(async () => (await renewLease(guest, '172.31.0.5', mac))[6] === undefined)
    const none = await renewLease(guest, '172.31.0.5', mac)
    expect([none[53], none[3], none[15], none[42]]).toEqual(['05', 'ac1f0001', undefined, undefined])
    await lab.network().converge(wanted())
    expect(await pidOf()).toBe(before)
  })

  test('a VPC without DNS support has a resolver that is silent', async () => {
    await lab.network().converge(wanted({ hasDns: false }))
    expect(await ask(guest, 'ip-172-31-0-5.ec2.internal')).toBe('silent')
    expect(await guest.tcp('169.254.169.253', 53)).toBe('silent')
    await lab.network().converge(wanted())
    expect(await ask(guest, 'ip-172-31-0-5.ec2.internal')).toBe('NOERROR, A 172.31.0.5 60')
  })
})
