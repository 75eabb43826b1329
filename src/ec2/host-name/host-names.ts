import type { DnsZoneRecord } from '../dns-zone/dns-zone.ts'
import { hasEnded } from '../instance/find-instance.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { publicNameOf } from '../network-interface/dns-name.ts'
import { addressesOf } from '../network-interface/network-interface.ts'
import type { DnsRecordSet, DnsZone } from '../ports/vpc-names.ts'
import type { Store } from '../ports/store.ts'
import { cidrsOf, givesPublicNames, ipv6CidrsOf, type VpcRecord } from '../vpc/vpc.ts'
import { containsBlock, numberOfIpv4, parseIpv4Block } from '../ipv4.ts'
import { containsIpv6Block, parseIpv6Block } from '../ipv6.ts'

/** Below it lie the names of all instances, for the host. */
const domain = 'kiln'
/** Short: whoever starts and stops servers asks again. */
const ttl = 5
/** Tags of a lab's instances (src/manifest/lab.ts). */
const labTag = { lab: 'kiln:lab', resource: 'kiln:lab-resource' }

interface HostNameDependencies {
  readonly store: Store
  /** Whose names: those of the daemon's own account. */
  readonly accountId: string
  readonly defaultRegion: string
}

/**
 * What this host is told of an account's VPCs, with addresses that the host reaches, which are public ones: `.kiln`, the private zones, and
 * public names with their reverse. Of zones that have the same name, in different VPCs, the first one holds.
 */
export function readHostZones({ store, accountId, defaultRegion }: HostNameDependencies): DnsZone[] {
  const isOwn = (record: { accountId: string }) => record.accountId === accountId
  const instances = store.instances.listAll().filter((instance) => isOwn(instance) && !hasEnded(instance))
  const vpcs = new Map(
    store.vpcs
      .listAll()
      .filter(isOwn)
      .map((vpc) => [vpc.id, vpc]),
  )
  const zones = new Map<string, DnsZone>()
  for (const zone of store.dnsZones.listAll().filter(isOwn)) {
    if (!zones.has(zone.name)) zones.set(zone.name, translateZone(store, zone, vpcs))
  }
  return [
    { name: domain, records: instanceRecords({ store, defaultRegion }, instances, vpcs) },
    ...zones.values(),
    ...publicZones(store, vpcs),
  ]
}

/** A tag's value as a label of a name; undefined when nothing is left of it. Pure. */
export function labelOf(text: string | undefined): string | undefined {
  const label = (text ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-|-$/g, '')
  return label === '' ? undefined : label
}

/** Ids come before labs, these before VPCs: who comes first keeps a name; a name alone counts where one VPC has it. */
function instanceRecords(
  { store, defaultRegion }: Pick<HostNameDependencies, 'store' | 'defaultRegion'>,
  instances: readonly InstanceRecord[],
  vpcs: ReadonlyMap<string, VpcRecord>,
): DnsRecordSet[] {
  const tags = store.tags.ofEach([...instances.map(({ id }) => id), ...vpcs.keys()])
  const tagOf = (id: string, key: string) => tags.get(id)?.find((tag) => tag.key === key)?.value
  const placesOf = (vpcId: string) => {
    const vpc = vpcs.get(vpcId)
    const isDefault = vpc?.isDefault && vpc.region === defaultRegion
    return [vpcId, labelOf(tagOf(vpcId, 'Name')), isDefault ? 'default' : undefined]
  }
  const layers: Map<string, string[]>[] = [new Map(), new Map(), new Map(), new Map()]
  const [byId, byLab, byVpc, byName] = layers
  const vpcsOfNames = new Map<string, Set<string>>()
  const add = (
    layer: Map<string, string[]> | undefined,
    labels: readonly (string | undefined)[],
    address: string[],
  ) => {
    if (labels.includes(undefined)) return
    const name = [...labels, domain].join('.')
    layer?.set(name, [...(layer.get(name) ?? []), ...address])
  }
  for (const instance of instances) {
    const address = publicAddressesOf(store, instance)
    const name = labelOf(tagOf(instance.id, 'Name'))
    const lab = labelOf(tagOf(instance.id, labTag.lab))
    const [, key, index] = /^instances\.([^[]+)\[(\d+)\]$/.exec(tagOf(instance.id, labTag.resource) ?? '') ?? []
    add(byId, [instance.id], address)
    add(byLab, [labelOf(key), lab], address)
    add(byLab, [labelOf(key && `${key}-${index}`), lab], address)
    for (const place of placesOf(instance.vpcId)) add(byVpc, [name, place], address)
    add(byName, [name], address)
    if (name) vpcsOfNames.set(name, (vpcsOfNames.get(name) ?? new Set()).add(instance.vpcId))
  }
  for (const [name, places] of vpcsOfNames) if (places.size > 1) byName?.delete(`${name}.${domain}`)
  const known = new Map(layers.toReversed().flatMap((layer) => [...layer]))
  return [...known].map(([name, values]) => ({ name, type: 'A', ttl, values }))
}

function publicAddressesOf(store: Store, { id }: InstanceRecord): string[] {
  const primary = store.interfaces.listBy('attachment.instanceId', id).find((one) => one.attachment?.deviceIndex === 0)
  return primary?.publicIp ? [primary.publicIp] : []
}

/** A zone whose private addresses are the public ones that stand for them; those without one are left out. */
function translateZone(store: Store, zone: DnsZoneRecord, vpcs: ReadonlyMap<string, VpcRecord>): DnsZone {
  const publicIps = new Map<string, string>()
  for (const vpcId of zone.vpcIds) {
    for (const record of store.interfaces.listBy('vpcId', vpcId)) {
      for (const { privateIp, publicIp } of addressesOf(record)) if (publicIp) publicIps.set(privateIp, publicIp)
    }
  }
  const blocks = zone.vpcIds
    .flatMap((id) => vpcs.get(id) ?? [])
    .flatMap(cidrsOf)
    .flatMap((cidr) => parseIpv4Block(cidr) ?? [])
  const translate = (address: string) => {
    const publicIp = publicIps.get(address)
    if (publicIp !== undefined) return [publicIp]
    const single = { base: numberOfIpv4(address), prefixLength: 32 }
    return blocks.some((block) => containsBlock(block, single)) ? [] : [address]
  }
  // The host has no way to IPv6 addresses of VPCs.
  const ipv6Blocks = zone.vpcIds
    .flatMap((id) => vpcs.get(id) ?? [])
    .flatMap(ipv6CidrsOf)
    .flatMap((cidr) => parseIpv6Block(cidr) ?? [])
  const isOwnIpv6 = (address: string) => {
    const single = parseIpv6Block(`${address}/128`)
    return single !== undefined && ipv6Blocks.some((block) => containsIpv6Block(block, single))
  }
  const records = store.dnsRecords.listBy('zoneId', zone.id).map(({ name, type, values, instanceIds = [] }) => {
    if (type === 'AAAA') return { name, type, ttl, values: values.filter((address) => !isOwnIpv6(address)) }
    if (type !== 'A') return { name, type, ttl, values }
    const aliases = instanceIds.flatMap((id) => {
      const instance = store.instances.find(id)
      return instance && !hasEnded(instance) ? publicAddressesOf(store, instance) : []
    })
    return { name, type, ttl, values: [...values.flatMap(translate), ...aliases] }
  })
  return { name: zone.name, records }
}

/** Each public name is a zone by itself: the rest of EC2's domain is the world's. */
function publicZones(store: Store, vpcs: ReadonlyMap<string, VpcRecord>): DnsZone[] {
  return [...vpcs.values()].filter(givesPublicNames).flatMap(({ id, region }) =>
    store.interfaces.listBy('vpcId', id).flatMap((record) =>
      addressesOf(record).flatMap(({ publicIp }): DnsZone[] => {
        if (!publicIp) return []
        const name = publicNameOf(publicIp, region)
        const reverse = `${publicIp.split('.').toReversed().join('.')}.in-addr.arpa`
        return [
          { name, records: [{ name, type: 'A', ttl, values: [publicIp] }] },
          { name: reverse, records: [{ name: reverse, type: 'PTR', ttl, values: [name] }] },
        ]
      }),
    ),
  )
}
