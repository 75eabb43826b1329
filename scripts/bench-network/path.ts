import type { InterfaceNetwork, VpcNetwork } from '../../src/ec2/ports/vpc-network.ts'
import {
  anywhere,
  group,
  networkInterface,
  openVpcLab,
  vpc,
  type VpcLab,
} from '../../test/integration/network/vpc-lab.ts'
import type { Figure } from '../bench/figure.ts'
import { bridgeAddress, openBridge } from './bridge.ts'
import { askQperf, compareTcp, type Place, serveQperf, type TcpRates } from './qperf.ts'

const seconds = 2
const rounds = 5
const interfaceCount = 200
const ruleCount = 2000
const leastShareOfMany = 0.9
const leastShareOfBridge = 0.85

const two = [networkInterface(5, { groupIds: ['sg-1'] }), networkInterface(6, { groupIds: ['sg-1'] })] as const
const few = vpc({ groups: [group('sg-1', [anywhere])], interfaces: two })

/**
 * What a packet's way costs by itself, beside a plain bridge: the ends are namespaces and not machines, which would be slower than either way
 * and hide it. Then once more among many interfaces and rules.
 */
export async function measurePath(): Promise<Figure[]> {
  const [lab, bridge] = await Promise.all([openVpcLab((_, response) => response.end()), openBridge()])
  try {
    await lab.network().converge(vpc())
    const [first, second] = [await lab.plug('vpc-1', two[0]), await lab.plug('vpc-1', two[1])]
    await lab.network().converge(few)
    const guest = placeOf(first.pid)
    const bridged = await Promise.all([bridge.addGuest(0), bridge.addGuest(1)])
    const servers = await Promise.all([serveQperf(placeOf(second.pid)), serveQperf(bridged[1])])
    try {
      const inVpc = (from: Place) => async () => await askQperf(from, two[1].privateIp, seconds)
      const onBridge = (from: Place) => async () => await askQperf(from, bridgeAddress(1), seconds)
      const [ours, theirs] = await compareTcp([inVpc(guest), onBridge(bridged[0])], rounds)
      const host = lab.network().commandPrefix('vpc-1', [])
      const [fromHost, fromBridge] = await compareTcp([inVpc(host), onBridge(bridge.host)], rounds)
      const [alone, among] = await measureAmongMany(lab, inVpc(guest))
      return [
        ...compare('guest to guest', ours, theirs),
        ...compare('host to guest', fromHost, fromBridge),
        shareOfMany(among, alone),
      ]
    } finally {
      await Promise.all(servers.map(async (server) => await server.end()))
    }
  } finally {
    bridge.end()
    await lab.close(['vpc-1'])
  }
}

/** With two interfaces and one rule, and with many of both. */
async function measureAmongMany(lab: VpcLab, ask: () => Promise<TcpRates>): Promise<readonly TcpRates[]> {
  const found: (readonly TcpRates[])[] = []
  for (const network of [few, manyInterfaces()]) {
    await lab.network().converge(network)
    found.push(await compareTcp([ask], rounds))
  }
  await lab.network().converge(few)
  return found.flat()
}

/** The same two guests; their group's one rule is the last of as many as there may be. */
export function manyInterfaces(count = interfaceCount, rules = ruleCount): VpcNetwork {
  const groupCount = 10
  const others: InterfaceNetwork[] = Array.from({ length: count - two.length }, (_, index) => {
    const number = index + 7
    const hex = number.toString(16).padStart(4, '0')
    return {
      ...networkInterface(7),
      id: `eni-0000000000000${hex}`,
      tapName: `eni00000000${hex}`,
      mac: `02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`,
      privateIp: `172.31.${1 + (number >> 8)}.${number & 0xff}`,
      dnsNames: [`ip-172-31-${1 + (number >> 8)}-${number & 0xff}.ec2.internal`],
      groupIds: [`sg-${2 + (index % (groupCount - 1))}`],
    }
  })
  const perGroup = rules / groupCount
  const groups = Array.from({ length: groupCount }, (_, index) => {
    const closed = Array.from({ length: perGroup - 1 }, (_unused, rule) => ({
      protocol: 'tcp' as const,
      fromPort: 20_000 + rule,
      toPort: 20_000 + rule,
      cidr: `10.${index}.${rule & 0xff}.0/24`,
    }))
    return group(
      `sg-${index + 1}`,
      index === 0 ? [...closed, anywhere] : [...closed, { protocol: 'all', groupId: 'sg-1' }],
    )
  })
  return vpc({ groups, interfaces: [...two, ...others] })
}

function placeOf(pid: number): Place {
  return ['nsenter', '-t', String(pid), '-U', '-n', '--preserve-credentials', '--']
}

function compare(way: string, ours: TcpRates | undefined, theirs: TcpRates | undefined): Figure[] {
  if (!ours || !theirs) throw new Error(`${way} was not measured`)
  const limit = `≥ ${percent(leastShareOfBridge)}`
  const throughput = ours.bytesPerSecond / theirs.bytesPerSecond
  const speed = theirs.latencyUs / ours.latencyUs
  return [
    {
      name: `${way} without machines, TCP throughput (median of ${rounds})`,
      value: `${gigabits(ours)} Gbit/s, ${percent(throughput)}`,
      limit,
      isKept: throughput >= leastShareOfBridge,
      reference: `plain bridge ${gigabits(theirs)} Gbit/s`,
    },
    {
      name: `${way} without machines, TCP latency (median of ${rounds})`,
      value: `${ours.latencyUs.toFixed(1)} µs, ${percent(speed)} of the speed`,
      limit,
      isKept: speed >= leastShareOfBridge,
      reference: `plain bridge ${theirs.latencyUs.toFixed(1)} µs`,
    },
  ]
}

function shareOfMany(among: TcpRates | undefined, alone: TcpRates | undefined): Figure {
  if (!among || !alone) throw new Error('the many were not measured')
  const share = among.bytesPerSecond / alone.bytesPerSecond
  return {
    name: `guest to guest among ${interfaceCount} interfaces and ${ruleCount} rules`,
    value: `${gigabits(among)} Gbit/s, ${percent(share)} of the same two alone`,
    limit: `≥ ${percent(leastShareOfMany)}`,
    isKept: share >= leastShareOfMany,
    reference: `alone, with one rule, ${gigabits(alone)} Gbit/s`,
  }
}

function gigabits({ bytesPerSecond }: TcpRates): string {
  return ((bytesPerSecond * 8) / 1e9).toFixed(2)
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
