import { z } from 'zod'
import { dnsRecordTypes } from '../../ec2/ports/vpc-names.ts'

const domainName = z.string().min(1).max(254)
const zoneId = z.string().max(40)

/** Private zones, and the names that this host asks for. */
export const dnsInputs = {
  /** Makes a zone; the VPCs that have it answer names in it by its records alone. */
  KilnCreateDnsZone: z.strictObject({
    Name: domainName,
    VpcIds: z.array(z.string().max(40)).max(100).optional(),
    /** Who keeps it. */
    Source: z.string().min(1).max(128).optional(),
  }),
  KilnDescribeDnsZones: z.strictObject({}),
  KilnDeleteDnsZone: z.strictObject({
    ZoneId: zoneId,
    /** With its records. */
    IsForced: z.boolean().optional(),
  }),
  KilnAssociateDnsZone: z.strictObject({ ZoneId: zoneId, VpcId: z.string().max(40) }),
  KilnDisassociateDnsZone: z.strictObject({ ZoneId: zoneId, VpcId: z.string().max(40) }),
  /** Changes records, all or none. */
  KilnChangeDnsRecords: z.strictObject({
    ZoneId: zoneId,
    Changes: z
      .array(
        z.strictObject({
          /** `upsert` makes or replaces it. */
          Action: z.enum(['create', 'upsert', 'delete']),
          /** In the zone or whole; `@` is the zone itself, `*.apps` all that has no record of its own. */
          Name: domainName,
          Type: z.enum(dnsRecordTypes),
          /** In seconds. */
          Ttl: z.number().int().min(0).max(2_147_483_647).optional(),
          Values: z.array(z.string().max(4000)).max(400).optional(),
          /** Instead of values: the private addresses of these instances, as they are. */
          InstanceIds: z.array(z.string().max(40)).max(400).optional(),
        }),
      )
      .min(1)
      .max(1000),
  }),
  KilnDescribeDnsRecords: z.strictObject({ ZoneId: zoneId }),
  /** What this host is answered when it asks for names of the account of the daemon, and where. Other accounts have none. */
  KilnDescribeHostNames: z.strictObject({}),
}

export interface DnsOutputs {
  KilnCreateDnsZone: { Zone: DnsZoneDescription }
  KilnDescribeDnsZones: { Zones: DnsZoneDescription[] }
  KilnDeleteDnsZone: Record<string, never>
  KilnAssociateDnsZone: { Zone: DnsZoneDescription }
  KilnDisassociateDnsZone: { Zone: DnsZoneDescription }
  KilnChangeDnsRecords: { Records: DnsRecordDescription[] }
  KilnDescribeDnsRecords: { Records: DnsRecordDescription[] }
  KilnDescribeHostNames: {
    Address: string
    /** 0: nowhere. */
    Port: number
    /** Why nobody answers there. */
    Problem?: string
    Zones: { Name: string; Records: { Name: string; Type: string; Values: string[] }[] }[]
  }
}

export interface DnsZoneDescription {
  ZoneId: string
  Name: string
  VpcIds: string[]
  RecordCount: number
  Source?: string
}

export interface DnsRecordDescription {
  Name: string
  Type: (typeof dnsRecordTypes)[number]
  Ttl: number
  Values: string[]
  InstanceIds?: string[]
}
