import { hasEnded } from '../instance/find-instance.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { DnsRecordSet, DnsZone } from '../ports/vpc-names.ts'
import type { Store } from '../ports/store.ts'
import type { DnsRecord, DnsZoneRecord } from './dns-zone.ts'

/** The zones of a VPC as its resolver answers them. */
export function readZones(store: Store, vpcId: string): DnsZone[] {
  return store.dnsZones.listBy('vpcIds[]', vpcId).map((zone) => readZone(store, zone))
}

/** A zone with its records, aliases resolved. */
export function readZone(store: Store, { id, name }: DnsZoneRecord): DnsZone {
  return { name, records: store.dnsRecords.listBy('zoneId', id).map((record) => readRecordSet(store, record)) }
}

function firstIpv6Of(store: Store, { id }: InstanceRecord): string[] {
  const primary = store.interfaces.listBy('attachment.instanceId', id).find((one) => one.attachment?.deviceIndex === 0)
  return primary?.ipv6Addresses?.slice(0, 1) ?? []
}

function readRecordSet(store: Store, { name, type, ttl, values, instanceIds }: DnsRecord): DnsRecordSet {
  if (!instanceIds) return { name, type, ttl, values }
  const addresses = instanceIds.flatMap((id) => {
    const instance = store.instances.find(id)
    if (!instance || hasEnded(instance)) return []
    return type === 'AAAA' ? firstIpv6Of(store, instance) : [instance.privateIp]
  })
  return { name, type, ttl, values: addresses }
}
