import type { DnsRecordType } from '../ports/vpc-names.ts'
import type { ResourceRecord } from '../ports/store.ts'

/** A private zone: names that only the VPCs know that have it. */
export interface DnsZoneRecord extends ResourceRecord {
  /** In lower case, without the dot at its end. */
  readonly name: string
  /** The VPCs that have it, of its account and region. */
  readonly vpcIds: readonly string[]
  /** Who keeps it, such as `lab web`; absent: nobody but its users. */
  readonly source?: string
}

/** All records of a name and type in a zone. Its id is made of these three. */
export interface DnsRecord extends ResourceRecord {
  readonly zoneId: string
  /** Fully qualified, in lower case; its first label may be `*`. */
  readonly name: string
  readonly type: DnsRecordType
  /** In seconds. */
  readonly ttl: number
  /** As they are written in a zone file, but for texts, which have no quotes. None of an alias. */
  readonly values: readonly string[]
  /** An alias: the primary private addresses of these instances, as they are. */
  readonly instanceIds?: readonly string[]
}

/** The id of the record set of a name and type. */
export function recordIdOf(zoneId: string, name: string, type: DnsRecordType): string {
  return `${zoneId}/${name}/${type}`
}
