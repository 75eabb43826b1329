import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { findAll, findOne, newId } from '../ids.ts'
import type { MutationContext } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { privateDomainOf } from '../vpc/vpc.ts'
import type { DnsZoneRecord } from './dns-zone.ts'
import { readDomainName } from './record-value.ts'

/** Names that have a meaning of their own on this host or everywhere. */
const takenDomains = ['kiln', 'localhost', 'in-addr.arpa', 'ip6.arpa']

type Dependencies = Pick<Domain, 'store' | 'random' | 'networks' | 'settings'>

/** Makes a zone without records. Throws ConflictingDomainExists where one of the VPCs has one of that name. */
export function createZone(
  { store, random, networks, settings }: Dependencies,
  context: MutationContext,
  given: { readonly name: string; readonly vpcIds: readonly string[]; readonly source?: string },
): DnsZoneRecord {
  const { accountId, region } = context
  const name = readZoneName(region, given.name)
  const vpcs = findAll('vpc', [...new Set(given.vpcIds)], (id) => store.vpcs.get(context, id))
  requireQuota(settings.quotas, 'dnsZones', { present: store.dnsZones.count(context), code: 'TooManyHostedZones' })
  for (const { id } of vpcs) requireNoOther(store, name, id)
  const zone: DnsZoneRecord = {
    accountId,
    region,
    id: newId('zone', random),
    name,
    vpcIds: vpcs.map(({ id }) => id),
    ...(given.source ? { source: given.source } : {}),
  }
  store.dnsZones.insert(zone)
  refreshVpcs(networks, context, zone.vpcIds)
  return zone
}

/** Lets a VPC have a zone, or no longer. */
export function associateZone(
  { store, networks }: Dependencies,
  context: MutationContext,
  { zoneId, vpcId, isWanted }: { readonly zoneId: string; readonly vpcId: string; readonly isWanted: boolean },
): DnsZoneRecord {
  const zone = findZone(store, context, zoneId)
  const vpc = findOne('vpc', vpcId, (id) => store.vpcs.get(context, id))
  if (zone.vpcIds.includes(vpc.id) === isWanted) return zone
  if (isWanted) requireNoOther(store, zone.name, vpc.id)
  const others = zone.vpcIds.filter((id) => id !== vpc.id)
  const changed = { ...zone, vpcIds: isWanted ? [...others, vpc.id] : others }
  store.dnsZones.replace(changed)
  refreshVpcs(networks, context, [vpc.id])
  return changed
}

/** Throws HostedZoneNotEmpty unless `isForced`: then its records go with it. */
export function deleteZone(
  { store, networks }: Dependencies,
  context: MutationContext,
  { zoneId, isForced }: { readonly zoneId: string; readonly isForced: boolean },
): void {
  const zone = findZone(store, context, zoneId)
  const records = store.dnsRecords.listBy('zoneId', zone.id)
  if (records.length > 0 && !isForced) {
    throw new Ec2Error('HostedZoneNotEmpty', `The zone ${zone.name} has ${records.length} records: delete them first.`)
  }
  for (const { id } of records) store.dnsRecords.remove(id)
  store.dnsZones.remove(zone.id)
  refreshVpcs(networks, context, zone.vpcIds)
}

/** Takes a VPC that goes away out of all zones. */
export function forgetVpc(store: Store, vpcId: string): void {
  for (const zone of store.dnsZones.listBy('vpcIds[]', vpcId)) {
    store.dnsZones.replace({ ...zone, vpcIds: zone.vpcIds.filter((id) => id !== vpcId) })
  }
}

/** Throws NoSuchHostedZone. */
export function findZone(store: Store, scope: Scope, zoneId: string): DnsZoneRecord {
  return findOne('zone', zoneId, (id) => store.dnsZones.get(scope, id))
}

/** In effect for the next question that a guest asks after that. */
export function refreshVpcs(networks: Domain['networks'], context: MutationContext, vpcIds: readonly string[]): void {
  context.afterCommit(() => {
    for (const vpcId of vpcIds) networks.refreshSoon(vpcId)
  })
}

function readZoneName(region: string, text: string): string {
  const name = readDomainName(text)
  if (name === undefined)
    throw invalidParameterValue('Name', text.slice(0, 80), 'Expected a domain, such as lab.internal.')
  const taken = [...takenDomains, privateDomainOf(region)].find(
    (domain) => name === domain || name.endsWith(`.${domain}`),
  )
  if (taken === undefined) return name
  throw invalidParameterValue('Name', name, `What lies in ${taken} is not for zones.`)
}

function requireNoOther(store: Store, name: string, vpcId: string): void {
  if (!store.dnsZones.listBy('vpcIds[]', vpcId).some((zone) => zone.name === name)) return
  throw new Ec2Error('ConflictingDomainExists', `${vpcId} has a zone ${name} already.`)
}
