import { readRecordName, readRecordValues } from '../ec2/dns-zone/record-value.ts'
import type { LabDnsZone } from './lab.ts'
import type { Manifest } from './schema/manifest.ts'

type Entry = NonNullable<Manifest['dnsZones']>[string]

/** As in Route 53: of its usual records and of its aliases. */
const [defaultTtl, aliasTtl] = [300, 60]

/** A zone with whole names, values in their usual spelling and times to live. */
export function spellOutDnsZone(name: string, { records }: Entry): LabDnsZone {
  return {
    name,
    records: records.map(({ name: own, type = 'A', ttl, values, instance }) => ({
      name: readRecordName(name, own),
      type,
      ttl: ttl ?? (instance === undefined ? defaultTtl : aliasTtl),
      values: values ? readRecordValues(type, values) : [],
      instances: [instance ?? []].flat(),
    })),
  }
}
