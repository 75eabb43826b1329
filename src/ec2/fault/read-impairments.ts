import { addressesOf, type InterfaceRecord, tapNameOf } from '../network-interface/network-interface.ts'
import type { Impairments, InterfaceImpairment, Partition } from '../ports/impairment.ts'
import type { Store } from '../ports/store.ts'
import type { VpcRecord } from '../vpc/vpc.ts'
import { peersOfVpc } from '../vpc-peering/read-peerings.ts'
import { type FaultEffect, isInEffect } from './fault.ts'
import { listTargetedInterfaces } from './fault-target.ts'

/** What the faults of a VPC's account do to its packets now; undefined when nothing. `present`: the interfaces that have taps. */
export function readImpairments(
  store: Store,
  vpc: VpcRecord,
  present: ReadonlySet<string>,
  now: Date,
): Impairments | undefined {
  const impaired = new Map<string, InterfaceImpairment>()
  for (const fault of store.faults.list(vpc)) {
    if (!isInEffect(fault, now)) continue
    const { effect } = fault
    if (effect.kind === 'partition') continue
    for (const { id } of listTargetedInterfaces(store, fault.targets).values()) {
      const tapName = tapNameOf(id)
      if (present.has(id)) impaired.set(id, addEffect(impaired.get(id) ?? { tapName }, effect))
    }
  }
  const partitions = readPartitions(store, vpc, now)
  const interfaces = [...impaired.values()].filter((impairment) => Object.keys(impairment).length > 1)
  return interfaces.length + partitions.length === 0 ? undefined : { interfaces, partitions }
}

/**
 * The partitions that packets of a VPC may run into. Addresses mean something in it where they are its own or those of a VPC that it is
 * peered with: others may have the same.
 */
export function readPartitions(store: Store, vpc: VpcRecord, now: Date): Partition[] {
  const known = new Set([vpc.id, ...peersOfVpc(store, vpc.id)])
  return store.faults.list(vpc).flatMap((fault): Partition[] => {
    const { effect, targets } = fault
    if (effect.kind !== 'partition' || !isInEffect(fault, now)) return []
    const sides = [targets, effect.against].map((named) =>
      [...listTargetedInterfaces(store, named).values()].filter(({ vpcId }) => known.has(vpcId)),
    )
    const [one = [], other = []] = sides
    const isAboutIt = sides.some((side) => side.some(({ vpcId }) => vpcId === vpc.id))
    return isAboutIt && one.length > 0 && other.length > 0 ? [[addresses(one), addresses(other)]] : []
  })
}

/** Several faults on one interface: delays and losses come on top of each other, the lowest rate counts. */
function addEffect(present: InterfaceImpairment, effect: FaultEffect): InterfaceImpairment {
  switch (effect.kind) {
    case 'delay': {
      const { delayMs = 0, jitterMs = 0 } = present
      const jitter = jitterMs + (effect.jitterMs ?? 0)
      return { ...present, delayMs: delayMs + effect.delayMs, ...(jitter > 0 ? { jitterMs: jitter } : {}) }
    }
    case 'loss': {
      const passing = (1 - (present.lossPercent ?? 0) / 100) * (1 - effect.percent / 100)
      return { ...present, lossPercent: 100 * (1 - passing) }
    }
    case 'rate':
      return {
        ...present,
        rateKbitPerSecond: Math.min(present.rateKbitPerSecond ?? Number.POSITIVE_INFINITY, effect.kbitPerSecond),
      }
    case 'dns':
      return { ...present, dns: present.dns === 'timeout' ? 'timeout' : effect.mode }
    case 'metadata':
      return effect.mode === 'timeout' ? { ...present, isMetadataSilent: true } : present
    case 'partition':
    case 'api':
      return present
  }
}

function addresses(interfaces: readonly InterfaceRecord[]): string[] {
  return interfaces.flatMap((record) => [
    ...addressesOf(record).map(({ privateIp }) => privateIp),
    ...(record.ipv6Addresses ?? []),
  ])
}
