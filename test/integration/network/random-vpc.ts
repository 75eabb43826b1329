import type { AclEntry, FirewallGroup, FirewallRule, SubnetAcl } from '../../../src/ec2/ports/firewall.ts'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { InterfaceNetwork, SubnetNetwork, VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { networkInterface, vpc } from './vpc-lab.ts'

/** Numbers that are the same for the same seed (mulberry32). */
export function createDice(seed: number) {
  let state = seed
  const roll = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    chance: (probability: number) => roll() < probability,
    one: <T>(of: readonly T[]): T => {
      const chosen = of[Math.floor(roll() * of.length)]
      if (chosen === undefined) throw new Error('nothing to choose from')
      return chosen
    },
    times: <T>(least: number, most: number, make: () => T): T[] =>
      Array.from({ length: least + Math.floor(roll() * (most - least + 1)) }, make),
  }
}
type Dice = ReturnType<typeof createDice>

/** Two guests a subnet; the last one carries for others. */
export const places = [
  { number: 5, subnetId: 'subnet-1', privateIp: '172.31.0.5', ipv6: 'fd12:3456:789a::5' },
  { number: 6, subnetId: 'subnet-1', privateIp: '172.31.0.6', ipv6: 'fd12:3456:789a::6' },
  { number: 21, subnetId: 'subnet-2', privateIp: '172.31.16.5', ipv6: 'fd12:3456:789a:1::5' },
  { number: 22, subnetId: 'subnet-2', privateIp: '172.31.16.6', ipv6: 'fd12:3456:789a:1::6' },
  { number: 37, subnetId: 'subnet-3', privateIp: '10.9.0.5', ipv6: 'fd9f:1:2:300::5' },
  { number: 38, subnetId: 'subnet-3', privateIp: '10.9.0.6', ipv6: 'fd9f:1:2:300::6' },
] as const
export const ports = [80, 443, 8050] as const

const groupIds = ['sg-1', 'sg-2', 'sg-3'] as const
const blocks = [
  ...['0.0.0.0/0', '172.31.0.0/16', '172.31.16.0/20', '10.9.0.0/16', '172.31.0.5/32', '10.9.0.6/32'],
  ...['::/0', 'fd12:3456:789a::/56', 'fd12:3456:789a:1::/64', 'fd9f::/16', 'fd12:3456:789a::5/128'],
] as const
const everywhere = ['0.0.0.0/0', '::/0'] as const
const carrier = 'eni-00000000000000026'

/** A VPC of two blocks of either family with groups, network ACLs and routes as the dice fall. */
export function randomVpc(dice: Dice): VpcNetwork {
  const subnets = [
    { id: 'subnet-1', cidr: '172.31.0.0/20', ipv6Cidr: 'fd12:3456:789a::/64' },
    { id: 'subnet-2', cidr: '172.31.16.0/20', ipv6Cidr: 'fd12:3456:789a:1::/64' },
    { id: 'subnet-3', cidr: '10.9.0.0/20', ipv6Cidr: 'fd9f:1:2:300::/64' },
  ].map(
    (subnet): SubnetNetwork => ({
      ...subnet,
      routes: dice.chance(0.5) ? [] : oneEach(dice.times(1, 3, () => randomRoute(dice))),
      ...(dice.chance(0.6) ? {} : { acl: randomAcl(dice) }),
    }),
  )
  return vpc({
    secondaryCidrs: ['10.9.0.0/16'],
    ipv6Cidrs: ['fd12:3456:789a::/56', 'fd9f:1:2:300::/56'],
    subnets,
    groups: groupIds.map((id) => randomGroup(dice, id)),
    prefixLists: [{ id: 'pl-1', cidrs: ['172.31.0.0/20', '172.31.0.0/24', '10.9.0.5/32', 'fd9f:1:2:300::5/128'] }],
    interfaces: places.map((place) => interfaceAt(place, dice)),
  })
}

export function interfaceAt({ number, ipv6, ...place }: (typeof places)[number], dice?: Dice): InterfaceNetwork {
  return networkInterface(number, {
    ...place,
    ipv6Addresses: [{ address: ipv6, names: [] }],
    groupIds: dice ? [...new Set(dice.times(1, 2, () => dice.one(groupIds)))] : [],
    hasSourceDestCheck: number !== 38 || (dice?.chance(0.2) ?? false),
  })
}

function randomGroup(dice: Dice, id: string): FirewallGroup {
  return {
    id,
    ingress: dice.times(0, 3, () => randomRule(dice)),
    egress: dice.chance(0.6)
      ? everywhere.map((cidr) => ({ protocol: 'all', cidr }))
      : dice.times(1, 5, () => randomRule(dice)),
  }
}

function randomRule(dice: Dice): FirewallRule {
  if (dice.chance(0.35)) return { protocol: 'all', cidr: dice.one(everywhere) }
  const peers: readonly Partial<FirewallRule>[] = [
    ...blocks.map((cidr) => ({ cidr })),
    ...groupIds.map((groupId) => ({ groupId })),
    { prefixListId: 'pl-1' },
    { groupId: 'sg-gone' },
  ]
  return { ...randomMatch(dice), ...dice.one(peers) }
}

function randomMatch(dice: Dice): Pick<FirewallRule, 'protocol' | 'fromPort' | 'toPort'> {
  const matches = [
    { protocol: 'all' },
    { protocol: 'tcp' },
    { protocol: 6 },
    { protocol: 'tcp', fromPort: 80, toPort: 80 },
    { protocol: 'tcp', fromPort: 400, toPort: 9000 },
    { protocol: 'udp', fromPort: 80, toPort: 80 },
    { protocol: 'icmp' },
    { protocol: 'icmpv6' },
  ] as const
  return dice.one(matches)
}

/** Ports of clients are all in, or all out: which one the kernel will give is not known. */
function randomAcl(dice: Dice): SubnetAcl {
  const entry = (): AclEntry => ({
    ...(dice.chance(0.4) ? { protocol: 'tcp', fromPort: 1024, toPort: 65_535 } : randomMatch(dice)),
    cidr: dice.one(blocks),
    isAllowed: dice.chance(0.6),
  })
  const entries = (): AclEntry[] => [
    ...dice.times(0, 3, entry),
    ...everywhere.flatMap((cidr): AclEntry[] => (dice.chance(0.8) ? [{ protocol: 'all', cidr, isAllowed: true }] : [])),
  ]
  return { ingress: entries(), egress: entries() }
}

/** A table has one route to a destination. */
function oneEach(routes: readonly RouteNetwork[]): RouteNetwork[] {
  return [...new Map(routes.map((route) => [route.destination, route])).values()]
}

function randomRoute(dice: Dice): RouteNetwork {
  const targets = [
    { kind: 'interface', interfaceId: carrier },
    { kind: 'interface', interfaceId: carrier },
    { kind: 'interface', interfaceId: 'eni-gone' },
    { kind: 'blackhole' },
  ] as const
  // What is in the VPC never leads out.
  if (dice.chance(0.2)) return { destination: dice.one(everywhere), target: { kind: 'internet' } }
  const destinations = [
    ...['0.0.0.0/0', '172.31.16.0/20', '172.31.0.6/32', '172.31.16.5/32', '10.9.0.0/24', '10.9.0.5/32'],
    ...['::/0', 'fd12:3456:789a:1::/64', 'fd12:3456:789a::6/128', 'fd12:3456:789a:1::5/128', 'fd9f:1:2:300::5/128'],
  ]
  return { destination: dice.one(destinations), target: dice.one(targets) }
}
