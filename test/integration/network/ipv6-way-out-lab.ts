import { execa } from 'execa'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import { anywhereByIpv6, group, networkInterface, openVpcLab, until, vpc } from './vpc-lab.ts'

// Run in a network namespace of its own, in the place of a host's that gets a way to the internet for IPv6 after a while: what guests
// reach by it. Prints JSON.
const block = 'fd12:3456:789a'
const own = networkInterface(5, {
  groupIds: ['sg-1'],
  publicIp: '127.79.0.5',
  ipv6Addresses: [{ address: `${block}::5`, names: [] }],
})
const byEgressOnly: RouteNetwork = { destination: '::/0', target: { kind: 'egress-only' } }
const byInternet: RouteNetwork = { destination: '0.0.0.0/0', target: { kind: 'internet' } }
const wanted = (routes: readonly RouteNetwork[]) =>
  vpc({
    groups: [group('sg-1', [anywhereByIpv6], [anywhereByIpv6])],
    interfaces: [own],
    ipv6Cidrs: [`${block}::/56`],
    subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: `${block}::/64`, routes }],
  })
const router = '2001:db8:1::1'
const host = '2001:db8:1::2'
const inTheWorld = '2001:db8:2::1'
const port = 8080

const ip = async (words: string) => await execa('ip', words.split(' '))

await ip('link set lo up')
const lab = await openVpcLab((_, response) => response.end('metadata'))
const neighbour = await lab.neighbour()
await ip(`link add lan0 type veth peer name lan0 netns ${neighbour.pid}`)
await neighbour.run('ip', 'link', 'set', 'lan0', 'up')
await neighbour.run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'lan0')
await ip('addr add 192.0.2.2/24 dev lan0')
await ip('link set lan0 up')
await ip('route add default via 192.0.2.1')
await lab.network().converge(vpc())
const guest = await lab.plug('vpc-1', own)
await lab.network().converge(wanted([byInternet, byEgressOnly]))
await guest.solicit()
await until(async () => (await lab.inside('vpc-1', 'ip', '-br', 'link')).includes('egress0'))
const withoutRoute = await guest.tcp(inTheWorld, port)

for (const address of [`${router}/64`, `${inTheWorld}/64`])
  await neighbour.run('ip', 'addr', 'add', address, 'dev', 'lan0', 'nodad')
await ip(`addr add ${host}/64 dev lan0 nodad`)
await ip(`-6 route add default via ${router}`)
await neighbour.serve(port)
const hostServer = execa(process.execPath, ['-e', `require('net').createServer((s) => s.end()).listen(${port}, '::')`])
hostServer.catch(() => undefined)
await until(async () => (await guest.tcp(inTheWorld, port)) === 'open')
const reached: string[] = []
for (const address of [inTheWorld, router, host, 'fd00:ec2:ffff::250'])
  if ((await guest.tcp(address, port)) === 'open') reached.push(address)
await lab.network().converge(wanted([byInternet]))
const withoutGateway = await guest.tcp(inTheWorld, port)
hostServer.kill()
const left = await lab.close(['vpc-1'])
process.stdout.write(JSON.stringify({ withoutRoute, reached, withoutGateway, left }), () => process.exit())
