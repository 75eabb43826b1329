import { Ec2Error } from '../errors.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { ipv4OfNumber, numberOfIpv4, parseIpv4Block, sizeOfBlock } from '../ipv4.ts'
import type { Store } from '../ports/store.ts'
import { addressesOf, type InterfaceRecord, withPublicIp } from './network-interface.ts'

/** Addresses at the start of the block that no instance gets: the daemon's own. */
const reservedCount = 10

/**
 * Gives each interface of an instance that wants one, and has none, the lowest free public address of the block.
 * A loopback address on the host: it stands for the instance there (docs/architecture.md).
 */
export function assignPublicAddresses(store: Store, instance: InstanceRecord, publicCidr: string): void {
  store.transaction(() => {
    for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
      if (record.publicIp && isInBlock(record.publicIp, publicCidr)) continue
      if (!mayGetPublicIp(store, record)) continue
      store.interfaces.replace({ ...record, publicIp: findFreePublicIp(store, publicCidr) })
    }
  })
}

/**
 * Whether an interface that lost its public address gets another one. As on EC2 ("Public IPv4 addresses"), none does while its instance has
 * more than one interface, or while an elastic address stands for one of its secondary private addresses.
 */
export function mayGetPublicIp(
  store: Store,
  { wantsPublicIp, attachment, secondaryIps = [] }: InterfaceRecord,
): boolean {
  if (!wantsPublicIp || !attachment || secondaryIps.some(({ elasticIp }) => elasticIp)) return false
  return store.interfaces.countBy('attachment.instanceId', attachment.instanceId) === 1
}

/** Takes back the public addresses that came with a start, as EC2 does at a stop. Elastic ones stay. */
export function releasePublicAddresses(store: Store, instance: InstanceRecord): void {
  store.transaction(() => {
    for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
      store.interfaces.replace(withoutGivenPublicIp(record))
    }
  })
}

/** An interface without the public address that a start has given it. */
function withoutGivenPublicIp(record: InterfaceRecord): InterfaceRecord {
  return record.elasticIp ? record : withPublicIp(record, record.privateIp, undefined)
}

/** An interface as its instance leaves it behind: what lasts for an attachment only is gone. */
export function detachedOf(record: InterfaceRecord): InterfaceRecord {
  const { attachment: _attachment, hasPrimaryIpv6: _hasPrimary, ...rest } = withoutGivenPublicIp(record)
  return rest
}

/**
 * Moves every public address that lies outside the block into it, keeping its last two octets where that address is free. For the start of
 * the daemon, before any address is offered.
 */
export function movePublicAddresses(store: Store, publicCidr: string): MovedAddress[] {
  const moved: MovedAddress[] = []
  const moveOne = (from: string): string => {
    const same = [...publicCidr.split('.').slice(0, 2), ...from.split('.').slice(2)].join('.')
    return isPublicIpTaken(store, same) ? findFreePublicIp(store, publicCidr) : same
  }
  store.transaction(() => {
    for (const address of store.addresses.listAll()) {
      if (isInBlock(address.publicIp, publicCidr)) continue
      store.addresses.replace({ ...address, publicIp: moveOne(address.publicIp) })
    }
    for (const record of store.interfaces.listAll()) {
      for (const { privateIp, publicIp: from, elasticIp } of addressesOf(record)) {
        if (from === undefined || isInBlock(from, publicCidr)) continue
        const to = (elasticIp && store.addresses.find(elasticIp.allocationId)?.publicIp) ?? moveOne(from)
        const present = store.interfaces.find(record.id) ?? record
        store.interfaces.replace(
          withPublicIp(present, privateIp, { publicIp: to, ...(elasticIp ? { elasticIp } : {}) }),
        )
        if (record.attachment) moved.push({ instanceId: record.attachment.instanceId, from, to })
      }
    }
  })
  return moved
}

/** A public address of an instance that has changed. */
export interface MovedAddress {
  readonly instanceId: string
  readonly from: string
  readonly to: string
}

/** The lowest address of the block that neither an interface nor an allocation has. Throws InsufficientAddressCapacity. */
export function findFreePublicIp(store: Store, cidr: string): string {
  const block = parseIpv4Block(cidr)
  const base = block?.base ?? 0
  const size = block ? sizeOfBlock(block) : 0
  for (let offset = reservedCount; offset < size - 1; offset++) {
    const address = ipv4OfNumber(base + offset)
    if (!isPublicIpTaken(store, address)) return address
  }
  throw new Ec2Error('InsufficientAddressCapacity', `no public address is left in ${cidr}`, 500)
}

function isPublicIpTaken(store: Store, address: string): boolean {
  return store.interfaces.countBy('publicIp', address) > 0 || store.addresses.countBy('publicIp', address) > 0
}

function isInBlock(address: string, cidr: string): boolean {
  const block = parseIpv4Block(cidr)
  const offset = numberOfIpv4(address) - (block?.base ?? 0)
  return block !== undefined && offset >= 0 && offset < sizeOfBlock(block)
}
