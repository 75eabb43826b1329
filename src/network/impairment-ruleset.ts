import type { Impairments, InterfaceImpairment, Partition } from '../ec2/ports/impairment.ts'
import { type Family, ipv4, ipv6, ofFamily } from './family.ts'
import { set } from './rule-line.ts'
import { guestTcpPort } from './dns/serve-guests.ts'
import { dnsAddress } from './resolver-address.ts'
import { mtu } from './mtu.ts'
import { metadataAddress } from './ruleset.ts'
import { dnsIpv6Address, metadataIpv6Address } from './service-address.ts'

/** A table of its own: the firewall's is replaced with every change of a group, and knows nothing of faults. */
const table = 'inet impairments'

/**
 * The nftables ruleset of what faults do to packets, loaded in one transaction; without any, it only takes the last one away. It looks at
 * packets before the firewall does: a partition also stops connections that stand. `resolver` is the VPC's own DNS server. Pure.
 */
export function impairmentRuleset({ interfaces, partitions }: Impairments, resolver: string): string {
  const gone = [`table ${table}`, `delete table ${table}`]
  const both = interfaces.flatMap((impaired) => [
    ...packetRules('iifname', impaired),
    ...packetRules('oifname', impaired),
  ])
  const toServices = interfaces.flatMap((impaired) => [
    ...serviceRules(impaired, resolver),
    ...packetRules('iifname', impaired),
  ])
  const fromServices = interfaces.flatMap((impaired) => packetRules('oifname', impaired))
  if (both.length + toServices.length + partitions.length === 0) return `${gone.join('\n')}\n`
  return [
    ...gone,
    `table ${table} {`,
    ...partitions.flatMap((sides, index) => partitionSets(sides, index)),
    ...chain('forward', [...partitions.flatMap((sides, index) => partitionRules(sides, index)), ...both]),
    ...chain('input', toServices),
    ...chain('output', fromServices),
    '}',
    '',
  ].join('\n')
}

function chain(hook: string, rules: readonly string[]): string[] {
  return [
    `  chain ${hook} {`,
    `    type filter hook ${hook} priority filter - 10; policy accept;`,
    ...rules.map((rule) => `    ${rule}`),
    '  }',
  ]
}

/** Loss counts in hundredths of a percent; nft refuses a comparison that always holds. A rate has a tenth of a second's bytes, and no less than a few packets, at once. */
function packetRules(direction: 'iifname' | 'oifname', impaired: InterfaceImpairment): string[] {
  const { tapName, lossPercent, rateKbitPerSecond } = impaired
  const rules: string[] = []
  if (lossPercent !== undefined) {
    const isLost = lossPercent < 100 ? ` numgen random mod 10000 < ${Math.round(lossPercent * 100)}` : ''
    rules.push(`${direction} "${tapName}"${isLost} drop`)
  }
  if (rateKbitPerSecond !== undefined) {
    const bytesPerSecond = rateKbitPerSecond * 125
    const burst = Math.max(leastBurstBytes, Math.round(bytesPerSecond / 10))
    rules.push(`${direction} "${tapName}" limit rate over ${bytesPerSecond} bytes/second burst ${burst} bytes drop`)
  }
  return rules
}

/** Four of the longest, each with its Ethernet header. */
const leastBurstBytes = 4 * (mtu.vpc + 14)

function serviceRules({ tapName, dns, isMetadataSilent }: InterfaceImpairment, resolver: string): string[] {
  const verdict = dns === 'refused' ? 'reject' : 'drop'
  return [
    ...(dns === undefined
      ? []
      : [
          // What came by TCP has been led to the port that takes it.
          ...[`ip daddr { ${dnsAddress}, ${resolver} }`, `ip6 daddr ${dnsIpv6Address}`].map(
            (server) =>
              `iifname "${tapName}" ${server} meta l4proto { tcp, udp } th dport { 53, ${guestTcpPort} } ${verdict}`,
          ),
        ]),
    ...(isMetadataSilent
      ? [`ip daddr ${metadataAddress}`, `ip6 daddr ${metadataIpv6Address}`].map(
          (server) => `iifname "${tapName}" ${server} tcp dport 80 drop`,
        )
      : []),
  ]
}

/** The families that both sides have addresses of. */
function familiesBetween(sides: Partition): Family[] {
  return [ipv4, ipv6].filter((family) => sides.every((side) => ofFamily(family, side).length > 0))
}

function partitionSets(sides: Partition, index: number): string[] {
  return familiesBetween(sides).flatMap((family) =>
    sides.map((side, which) => set(partitionSet(index, which, family), family.address, ofFamily(family, side))),
  )
}

function partitionRules(sides: Partition, index: number): string[] {
  return familiesBetween(sides).flatMap((family) => {
    const [first, second] = [0, 1].map((which) => `@${partitionSet(index, which, family)}`)
    const { ip } = family
    return [`${ip} saddr ${first} ${ip} daddr ${second} drop`, `${ip} saddr ${second} ${ip} daddr ${first} drop`]
  })
}

function partitionSet(index: number, which: number, { suffix }: Family): string {
  return `partition_${index}_${which === 0 ? 'a' : 'b'}${suffix}`
}
