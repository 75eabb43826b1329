import { afterAll, beforeAll, expect, test } from 'vitest'
import { giveIpv6 } from './dual-stack.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

// Two real guests in a subnet with an IPv6 block: that they have what the records say, and reach what they may.
let lab: Lab
let servers: Servers
let first: string
let second: string
/** The IPv6 addresses of the second one, in their order. */
let addresses: string[]

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  servers = await prepareServers(lab)
  await lab.call('AuthorizeSecurityGroupIngress', {
    GroupId: servers.groupId,
    IpPermissions: [
      { IpProtocol: 'icmpv6', FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
      { IpProtocol: 'tcp', FromPort: 8080, ToPort: 8080, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
    ],
  })
  const launched = await servers.launch(await provideImage(lab, 'nano'), {
    MinCount: 2,
    MaxCount: 2,
    SubnetId: await giveIpv6(lab),
    Ipv6AddressCount: 2,
    PrivateDnsNameOptions: { EnableResourceNameDnsAAAARecord: true },
    MetadataOptions: { HttpProtocolIpv6: 'enabled' },
  })
  ;[first = '', second = ''] = launched
  for (const id of launched) await servers.waitForStage(id, 'cloud-init')
  const { NetworkInterfaces: interfaces } = await servers.describe(second)
  addresses = interfaces?.[0]?.Ipv6Addresses?.flatMap(({ Ipv6Address: one }) => one ?? []) ?? []
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

const run = async (id: string, command: string) => await servers.run(id, command)

test('a guest has its addresses, and its way out by the router that is told to it', async () => {
  expect(addresses).toHaveLength(2)
  const own = await run(second, 'ip -6 addr show dev eth0 scope global')
  for (const address of addresses) expect(own).toContain(`inet6 ${address}/128`)
  await until(async () => (await run(second, 'ip -6 route')).includes('default via fe80::1 dev eth0'))
  // It speaks by its first one.
  expect(await run(second, 'ip -6 route get fd00:ec2::253')).toContain(`src ${addresses[0]}`)
})

test('guests reach each other as the rules of ::/0 say, by address and by name', async () => {
  for (const address of addresses)
    expect(await run(first, `sudo ping6 -c 1 -w 20 ${address}`)).toContain(' 0% packet loss')
  const name = `${second}.ec2.internal`
  expect(await run(first, `nslookup -type=aaaa ${name}`)).toContain(`Address: ${addresses[0]}`)
  expect(await run(first, `nslookup ${addresses[0]}`)).toContain(name)
  for (const port of [8080, 8081]) {
    await run(second, `(while true; do echo hello | nc -l -p ${port}; done) >/dev/null 2>&1 &`)
    await run(second, `until nc -w 2 ::1 ${port} </dev/null; do sleep 1; done`)
  }
  const ask = async (port: number) => await run(first, `nc -w 5 ${addresses[0]} ${port} </dev/null || echo nothing`)
  expect(await ask(8080)).toBe('hello')
  expect(await ask(8081)).toBe('nothing')
})

test('the metadata service answers at its IPv6 address while the options say so', async () => {
  const endpoint = '[fd00:ec2::254]'
  const ask = async (host: string) =>
    await run(second, `timeout 5 wget -q -O - 'http://${host}/latest/meta-data/ipv6' || echo nothing`)
  expect(await ask(endpoint)).toBe(addresses[0])
  const set = async (HttpProtocolIpv6: 'enabled' | 'disabled') =>
    await lab.call('ModifyInstanceMetadataOptions', { InstanceId: second, HttpProtocolIpv6 })
  await set('disabled')
  expect(await ask(endpoint)).toBe('nothing')
  expect(await ask('169.254.169.254')).toBe(addresses[0])
  await set('enabled')
  await until(async () => (await ask(endpoint)) === addresses[0])
})

test('an address that is assigned or taken away is in force at once', async () => {
  const { NetworkInterfaces: interfaces } = await servers.describe(second)
  const NetworkInterfaceId = interfaces?.[0]?.NetworkInterfaceId ?? ''
  const Ipv6Addresses = addresses.slice(1)
  const ping = async (address: string) =>
    (await run(first, `sudo ping6 -c 1 -w 2 ${address} || true`)).includes(' 0% packet loss')
  await lab.call('UnassignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })
  await until(async () => !(await ping(Ipv6Addresses[0] ?? '')))
  expect(await ping(addresses[0] ?? '')).toBe(true)
  await lab.call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })
  await until(async () => await ping(Ipv6Addresses[0] ?? ''))
})
