import { execa } from 'execa'
import { analysePath } from '../../../src/ec2/reachability/analyse-path.ts'
import { anywhere, type FakeGuest, group, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

// Run in a network namespace of its own, in the place of a host's that has a LAN, whose router leads to the internet, and later a VPN: what
// guests reach of them. Prints JSON.
const own = networkInterface(5, { groupIds: ['sg-1'], publicIp: '127.79.0.5' })
const wanted = vpc({ groups: [group('sg-1', [], [anywhere])], interfaces: [own] })
const lanRouter = '192.168.77.1'
const vpnPeer = '10.66.0.1'
const inTheWorld = '203.0.113.9'
const port = 8080

const ip = async (words: string) => await execa('ip', words.split(' '))

/** A wire between the host and its neighbour. */
async function connect(device: string, hostCidr: string, neighbourCidrs: readonly string[]): Promise<void> {
  await ip(`link add ${device} type veth peer name ${device} netns ${neighbour.pid}`)
  for (const cidr of neighbourCidrs) await neighbour.run('ip', 'addr', 'add', cidr, 'dev', device)
  await neighbour.run('ip', 'link', 'set', device, 'up')
  await ip(`addr add ${hostCidr} dev ${device}`)
  await ip(`link set ${device} up`)
}

async function plugInto(lab: VpcLab): Promise<FakeGuest> {
  await lab.network().converge(vpc())
  const guest = await lab.plug('vpc-1', own)
  await lab.network().converge(wanted)
  await until(async () => (await guest.tcp(inTheWorld, port)) === 'open')
  return guest
}

/** Whom of those that there are a guest reaches, and whom the analysis of its paths says that it does. */
async function reachedBy(
  guest: FakeGuest,
  of: VpcLab,
  hosts = [inTheWorld, lanRouter, vpnPeer],
): Promise<{ packets: string[]; analysis: string[] }> {
  const answers = await Promise.all(hosts.map(async (host) => await guest.tcp(host, port)))
  const around = { closed: of.network().closedNetworks() }
  return {
    packets: hosts.filter((_, index) => answers[index] === 'open'),
    analysis: hosts.filter((address) => {
      const ends = { source: { kind: 'interface', owner: own }, destination: { kind: 'outside', address } } as const
      return analysePath(wanted, { protocol: 'tcp', port, ...ends }, around).isFound
    }),
  }
}

await ip('link set lo up')
const lab = await openVpcLab((_, response) => response.end('metadata'))
const neighbour = await lab.neighbour()
await connect('lan0', '192.168.77.2/24', [`${lanRouter}/24`, `${inTheWorld}/32`])
await ip(`route add default via ${lanRouter}`)
await neighbour.serve(port)
const guest = await plugInto(lab)
const byDefault = await reachedBy(guest, lab, [inTheWorld, lanRouter])
// Before the VPN is up its network is a part of the internet like any other, by the LAN's router.
await neighbour.run('ip', 'addr', 'add', `${vpnPeer}/32`, 'dev', 'lo')
const beforeVpn = await reachedBy(guest, lab)
await connect('vpn0', '10.66.0.2/24', [`${vpnPeer}/24`])
await until(async () => (await guest.tcp(vpnPeer, port)) !== 'open')
const withVpn = await reachedBy(guest, lab)
const open = await openVpcLab((_, response) => response.end('metadata'), { reachesLan: true })
const withLan = await reachedBy(await plugInto(open), open)
const left = [...(await open.close(['vpc-1'])), ...(await lab.close(['vpc-1']))]
process.stdout.write(JSON.stringify({ byDefault, beforeVpn, withVpn, withLan, left }), () => process.exit())
