import type { DnsRecordDescription } from '../../api/kiln/dns.ts'
import type { Lab, LabDnsRecord, LabDnsZone } from '../lab.ts'
import type { Observed, ObservedZone } from '../observed.ts'
import { type Detail, operationId, type PlanDraft, type RecordChange } from './plan.ts'
import { addressesOf } from './plan-instance.ts'

/** Zones are changed in place: what nothing changes of is answered all the while. Records of instances follow these when they are made anew. */
export function planDnsZones(draft: PlanDraft, lab: Lab, observed: Observed): void {
  const present = new Map(observed.zones.map((zone) => [zone.Name, zone]))
  for (const zone of lab.dnsZones.values()) {
    const found = present.get(zone.name)
    present.delete(zone.name)
    planZone(draft, lab, zone, found)
  }
  for (const zone of present.values()) planDnsZoneRemoval(draft, zone)
}

/** Plans that a zone goes, with its records. */
export function planDnsZoneRemoval(draft: PlanDraft, { Name: name, ZoneId: zoneId }: ObservedZone): void {
  draft.changes.push({ address: `dnsZones.${name}`, action: 'delete', id: zoneId, details: [] })
  draft.operations.push({ kind: 'delete-zone', id: operationId.deleteZone(name), zoneId, after: [] })
}

function planZone(draft: PlanDraft, lab: Lab, zone: LabDnsZone, found: ObservedZone | undefined): void {
  const address = `dnsZones.${zone.name}`
  if (found) draft.known.set(address, found.ZoneId)
  else {
    const id = operationId.createZone(zone.name)
    draft.operations.push({ kind: 'create-zone', id, address, name: zone.name, after: [operationId.putVpc] })
  }
  const left = new Map((found?.Records ?? []).map((record) => [keyOf(record.Name, record.Type), record]))
  const details: Detail[] = []
  const changes: RecordChange[] = []
  for (const record of zone.records) {
    const key = keyOf(record.name, record.type)
    const old = left.get(key)
    left.delete(key)
    const instances = record.instances.flatMap((instance) => addressesOf(lab, instance))
    if (old && isSame(draft, record, instances, old)) continue
    details.push({ name: key, ...(old ? { old: showOld(old) } : {}), new: show(record) })
    changes.push({
      action: 'upsert',
      name: record.name,
      type: record.type,
      ttl: record.ttl,
      values: record.values,
      instances,
    })
  }
  for (const [key, old] of left) {
    details.push({ name: key, old: showOld(old) })
    // First: a name that was a CNAME may get other records.
    changes.unshift({ action: 'delete', name: old.Name, type: old.Type, values: [], instances: [] })
  }
  if (!found) draft.changes.push({ address, action: 'create', details })
  else if (details.length > 0) draft.changes.push({ address, action: 'update', id: found.ZoneId, details })
  if (changes.length === 0) return
  draft.operations.push({
    kind: 'change-records',
    id: operationId.changeRecords(zone.name),
    zone: address,
    changes,
    after: [
      operationId.createZone(zone.name),
      ...changes.flatMap(({ instances }) => instances.map((instance) => operationId.launch(instance))),
    ],
  })
}

function isSame(
  draft: PlanDraft,
  record: LabDnsRecord,
  instances: readonly string[],
  old: DnsRecordDescription,
): boolean {
  const areMadeAnew = instances.some((address) => draft.operations.some(({ id }) => id === operationId.launch(address)))
  const ids = instances.map((address) => draft.known.get(address) ?? address)
  return (
    !areMadeAnew &&
    record.ttl === old.Ttl &&
    isSameSet(record.values, old.Values) &&
    isSameSet(ids, old.InstanceIds ?? [])
  )
}

function isSameSet(wanted: readonly string[], present: readonly string[]): boolean {
  return wanted.length === present.length && wanted.every((value) => present.includes(value))
}

function keyOf(name: string, type: string): string {
  return `${name} ${type}`
}

function show({ values, instances, ttl }: LabDnsRecord): string {
  return `${[...values, ...instances].join(' ')} (${ttl} s)`
}

function showOld({ Values: values, InstanceIds: ids = [], Ttl: ttl }: DnsRecordDescription): string {
  return `${[...values, ...ids].join(' ')} (${ttl} s)`
}
