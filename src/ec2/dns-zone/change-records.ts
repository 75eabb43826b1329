import type { Domain } from '../domain.ts'
import { findAll } from '../ids.ts'
import type { MutationContext } from '../operation.ts'
import type { DnsRecordType } from '../ports/vpc-names.ts'
import { requireQuota } from '../quota.ts'
import { findZone, refreshVpcs } from './change-zone.ts'
import { type DnsRecord, type DnsZoneRecord, recordIdOf } from './dns-zone.ts'
import { invalidChange, readRecordName, readRecordValues } from './record-value.ts'

/** One of several changes, which are made all or none, in their order. */
export interface RecordChange {
  readonly action: 'create' | 'upsert' | 'delete'
  readonly name: string
  readonly type: DnsRecordType
  readonly ttl?: number
  readonly values?: readonly string[]
  readonly instanceIds?: readonly string[]
}

/** Route 53's usual time to live, and that of its aliases. */
const defaultTtl = 300
const aliasTtl = 60

/** Changes records of a zone. Throws InvalidChangeBatch, NoSuchHostedZone, and the errors of the ids of instances. */
export function changeRecords(
  domain: Pick<Domain, 'store' | 'networks' | 'settings'>,
  context: MutationContext,
  zoneId: string,
  changes: readonly RecordChange[],
): DnsRecord[] {
  const { store, networks, settings } = domain
  const zone = findZone(store, context, zoneId)
  for (const change of changes) changeRecord(domain, context, zone, change)
  const records = store.dnsRecords.listBy('zoneId', zone.id)
  requireQuota(settings.quotas, 'dnsRecordsPerZone', { present: 0, added: records.length, code: 'TooManyRecords' })
  for (const { name } of records.filter(({ type }) => type === 'CNAME')) {
    const others = records.filter((record) => record.name === name)
    if (name === zone.name) throw invalidChange('the zone itself cannot be a CNAME')
    if (others.length > 1) throw invalidChange(`${name} is a CNAME and has other records`)
  }
  refreshVpcs(networks, context, zone.vpcIds)
  return records
}

function changeRecord(
  { store }: Pick<Domain, 'store'>,
  context: MutationContext,
  zone: DnsZoneRecord,
  change: RecordChange,
): void {
  const name = readRecordName(zone.name, change.name)
  const id = recordIdOf(zone.id, name, change.type)
  const present = store.dnsRecords.find(id)
  if (change.action === 'delete') {
    if (!present) throw invalidChange(`there is no record ${name} of type ${change.type}`)
    store.dnsRecords.remove(id)
    return
  }
  if (present && change.action === 'create') throw invalidChange(`the record ${name} of type ${change.type} exists`)
  const { accountId, region } = zone
  const target = readTarget({ store }, context, change)
  const ttl = change.ttl ?? (target.instanceIds ? aliasTtl : defaultTtl)
  const record: DnsRecord = { accountId, region, id, zoneId: zone.id, name, type: change.type, ttl, ...target }
  if (present) store.dnsRecords.replace(record)
  else store.dnsRecords.insert(record)
}

function readTarget(
  { store }: Pick<Domain, 'store'>,
  context: MutationContext,
  { type, values, instanceIds }: RecordChange,
): Pick<DnsRecord, 'values' | 'instanceIds'> {
  if (!instanceIds) return { values: readRecordValues(type, values ?? []) }
  if (values) throw invalidChange('a record has values or instances, not both')
  if (type !== 'A' && type !== 'AAAA') throw invalidChange('an alias of instances is of type A or AAAA')
  return {
    values: [],
    instanceIds: findAll('i', instanceIds, (id) => store.instances.get(context, id)).map(({ id }) => id),
  }
}
