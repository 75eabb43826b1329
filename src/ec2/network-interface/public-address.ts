import ipaddr from 'ipaddr.js'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Store } from '../ports/store.ts'

/** Addresses at the start of the block that no instance gets: the daemon's own. */
const reservedCount = 10

/**
 * Gives each interface of an instance that wants one, and has none, the lowest free public address of the block.
 * A loopback address on the host: it stands for the instance there (docs/architecture.md).
 */
export function assignPublicAddresses(store: Store, instance: InstanceRecord, publicCidr: string): void {
  store.transaction(() => {
    for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
      if (!record.wantsPublicIp || (record.publicIp && isInBlock(record.publicIp, publicCidr))) continue
      store.interfaces.replace({ ...record, publicIp: findFreeAddress(store, publicCidr) })
    }
  })
}

/** Takes back the public addresses that came with a start, as EC2 does at a stop. */
export function releasePublicAddresses(store: Store, instance: InstanceRecord): void {
  store.transaction(() => {
    for (const record of store.interfaces.listBy('attachment.instanceId', instance.id)) {
      const { publicIp, ...rest } = record
      if (publicIp) store.interfaces.replace(rest)
    }
  })
}

/**
 * Moves every public address that lies outside the block into it, keeping its last two octets where that address is free. For the start of
 * the daemon, before any address is offered.
 */
export function movePublicAddresses(store: Store, publicCidr: string): MovedAddress[] {
  const moved: MovedAddress[] = []
  const prefix = publicCidr.split('.').slice(0, 2)
  store.transaction(() => {
    for (const record of store.interfaces.listAll()) {
      const { publicIp: from, attachment } = record
      if (from === undefined || isInBlock(from, publicCidr)) continue
      const same = [...prefix, ...from.split('.').slice(2)].join('.')
      const to = store.interfaces.listBy('publicIp', same).length === 0 ? same : findFreeAddress(store, publicCidr)
      store.interfaces.replace({ ...record, publicIp: to })
      if (attachment) moved.push({ instanceId: attachment.instanceId, from, to })
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

function isInBlock(address: string, cidr: string): boolean {
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(cidr))
}

function findFreeAddress(store: Store, cidr: string): string {
  const [network, prefixLength] = ipaddr.IPv4.parseCIDR(cidr)
  const base = toNumber(network.toString())
  const size = 2 ** (32 - prefixLength)
  for (let offset = reservedCount; offset < size - 1; offset++) {
    const address = toAddress(base + offset)
    if (store.interfaces.listBy('publicIp', address).length === 0) return address
  }
  throw new Error(`no public address is left in ${cidr}`)
}

function toNumber(address: string): number {
  return ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}
