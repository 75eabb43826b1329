import { execa } from 'execa'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { hostAddress, hostIpv6Address } from '../../../src/network/host-device.ts'
import { anywhere, anywhereByIpv6, group, networkInterface, openVpcLab, vpc } from './vpc-lab.ts'

// Run in a network namespace of its own, in the place of a host's: what routed mode does to it, and that nothing of it stays. Prints JSON.
const ipv6Address = 'fd12:3456:789a::5'
const own = networkInterface(5, { groupIds: ['sg-1'], ipv6Addresses: [{ address: ipv6Address, names: [] }] })
const port = (number: number, cidr: string, protocol: 'tcp' | 'udp' = 'tcp') =>
  ({ protocol, fromPort: number, toPort: number, cidr }) as const
const hostCidrs = ['0.0.0.0/0', `${hostIpv6Address}/128`]
const ingress = hostCidrs.flatMap((cidr) => [port(8080, cidr), port(5353, cidr, 'udp')])
const inBothFamilies = {
  groups: [group('sg-1', ingress, [anywhere, anywhereByIpv6])],
  ipv6Cidrs: ['fd12:3456:789a::/56'],
  subnets: vpc().subnets.map((subnet) => ({ ...subnet, ipv6Cidr: 'fd12:3456:789a::/64' })),
}
const wanted = vpc({ ...inBothFamilies, interfaces: [own] })

async function look(): Promise<string> {
  const asked = [['addr'], ['link'], ['route', 'show', 'table', 'all'], ['rule']]
  const answers = await Promise.all(asked.map(async (words) => (await execa('ip', ['-j', ...words])).stdout))
  return [...answers, (await execa('nft', ['list', 'ruleset'])).stdout].join('\n')
}

async function dial(host: string, at: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port: at, timeout: 1500 })
    socket.on('data', (data) => resolve(`${String(data).trim()} by ${socket.localAddress}`))
    socket.on('timeout', () => resolve('silent'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    socket.on('close', () => undefined)
  })
}

/** How many datagrams of so many come back, sent all at once. */
async function echoOf(host: string, count: number): Promise<number> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  let answers = 0
  const enough = new Promise<void>((resolve) => {
    socket.on('message', () => {
      if (++answers === count) resolve()
    })
    setTimeout(resolve, 5000).unref()
  })
  for (let sent = 0; sent < count; sent++) socket.send('ping', 5353, host)
  await enough
  socket.close()
  return answers
}

await execa('ip', ['link', 'set', 'lo', 'up'])
const before = await look()
const lab = await openVpcLab((_, response) => response.end('metadata'), {
  isRouted: true,
  linkLocalPacketsPerSecond: 20,
})
await lab.network().converge(vpc())
const guest = await lab.plug('vpc-1', own)
await lab.network().converge(wanted)
await guest.serve(8080)
await guest.serve(8081)
await guest.solicit()
const addresses = [own.privateIp, ipv6Address]
const dialBoth = async (at: number) => await Promise.all(addresses.map(async (address) => await dial(address, at)))
const reached = await dialBoth(8080)
const refused = await dialBoth(8081)
// What guests may ask of their router's services in a second is no limit for what they answer the host.
await guest.echoDatagrams(5353)
const echoed = await Promise.all(addresses.map(async (address) => await echoOf(address, 100)))
const back = [await guest.tcp(hostAddress, 22), await guest.tcp(hostIpv6Address, 22)]
// Another VPC of the same block: the host has one route to it.
await lab.network().converge(vpc({ id: 'vpc-2' }))
const overlapping = lab
  .network()
  .warnings()
  .filter((line) => line.includes('vpc-2'))
await lab.network().remove('vpc-2')
// One that shares a block of IPv6 alone.
await lab.network().converge(vpc({ ...inBothFamilies, id: 'vpc-3', cidr: '10.3.0.0/16', subnets: [] }))
const overlappingByIpv6 = lab
  .network()
  .warnings()
  .filter((line) => line.includes('vpc-3'))
await lab.network().remove('vpc-3')
// A block comes and goes while servers run.
await lab.network().converge({ ...wanted, ipv6Cidrs: [] })
const hasStaleRoute = (await execa('ip', ['-6', 'route'])).stdout.includes('fd12:')
await lab.network().converge(wanted)
// What a daemon that was killed left goes when the next one starts.
await execa('ip', ['link', 'add', 'kilnstale', 'type', 'veth', 'peer', 'name', 'stale0'])
await execa('ip', ['link', 'set', 'kilnstale', 'alias', `kiln ${lab.networksDirectory} vpc-9`])
await lab.restart(['vpc-1'])
await lab.network().converge(wanted)
const again = await dialBoth(8080)
const left = await lab.close(['vpc-1'])
const isAsBefore = (await look()) === before
const found = { reached, refused, echoed, back, overlapping, overlappingByIpv6, hasStaleRoute, again, left, isAsBefore }
process.stdout.write(JSON.stringify(found), () => process.exit())
