import { changeRecords } from '../../ec2/dns-zone/change-records.ts'
import { associateZone, createZone, deleteZone, findZone } from '../../ec2/dns-zone/change-zone.ts'
import type { DnsRecord, DnsZoneRecord } from '../../ec2/dns-zone/dns-zone.ts'
import type { Domain } from '../../ec2/domain.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import type { DnsRecordDescription, DnsZoneDescription } from '../kiln/dns.ts'
import { mutation, query } from '../kiln-operation.ts'

/** Private zones, and the names that this host asks for. */
export function kilnDnsOperations(
  domain: Domain,
  { hostDns }: Pick<KilnDependencies, 'hostDns'>,
): Record<string, AnyOperation> {
  const { store } = domain
  const describe = (zone: DnsZoneRecord) => describeZone(domain, zone)
  return {
    KilnCreateDnsZone: mutation(
      'KilnCreateDnsZone',
      (context, { Name: name, VpcIds: vpcIds = [], Source: source }) => ({
        Zone: describe(createZone(domain, context, { name, vpcIds, ...(source === undefined ? {} : { source }) })),
      }),
    ),
    KilnDescribeDnsZones: query('KilnDescribeDnsZones', (context) => ({
      Zones: store.dnsZones.list(context).map(describe),
    })),
    KilnDeleteDnsZone: mutation('KilnDeleteDnsZone', (context, { ZoneId: zoneId, IsForced: isForced = false }) => {
      deleteZone(domain, context, { zoneId, isForced })
      return {}
    }),
    KilnAssociateDnsZone: mutation('KilnAssociateDnsZone', (context, { ZoneId: zoneId, VpcId: vpcId }) => ({
      Zone: describe(associateZone(domain, context, { zoneId, vpcId, isWanted: true })),
    })),
    KilnDisassociateDnsZone: mutation('KilnDisassociateDnsZone', (context, { ZoneId: zoneId, VpcId: vpcId }) => ({
      Zone: describe(associateZone(domain, context, { zoneId, vpcId, isWanted: false })),
    })),
    KilnChangeDnsRecords: mutation('KilnChangeDnsRecords', (context, { ZoneId: zoneId, Changes: changes }) => ({
      Records: changeRecords(
        domain,
        context,
        zoneId,
        changes.map((change) => ({
          action: change.Action,
          name: change.Name,
          type: change.Type,
          ...(change.Ttl === undefined ? {} : { ttl: change.Ttl }),
          ...(change.Values === undefined ? {} : { values: change.Values }),
          ...(change.InstanceIds === undefined ? {} : { instanceIds: change.InstanceIds }),
        })),
      ).map(describeRecord),
    })),
    KilnDescribeDnsRecords: query('KilnDescribeDnsRecords', (context, { ZoneId: zoneId }) => ({
      Records: store.dnsRecords.listBy('zoneId', findZone(store, context, zoneId).id).map(describeRecord),
    })),
    KilnDescribeHostNames: query('KilnDescribeHostNames', ({ accountId }) => {
      const { address, port, problem } = hostDns.status()
      const isOwn = accountId === domain.settings.accountId
      return {
        Address: address,
        Port: port,
        ...(problem === undefined ? {} : { Problem: problem }),
        Zones: (isOwn ? hostDns.zones() : []).map(({ name, records }) => ({
          Name: name,
          Records: records.map((record) => ({ Name: record.name, Type: record.type, Values: [...record.values] })),
        })),
      }
    }),
  }
}

function describeZone({ store }: Domain, { id, name, vpcIds, source }: DnsZoneRecord): DnsZoneDescription {
  return {
    ZoneId: id,
    Name: name,
    VpcIds: [...vpcIds],
    RecordCount: store.dnsRecords.countBy('zoneId', id),
    ...(source === undefined ? {} : { Source: source }),
  }
}

function describeRecord({ name, type, ttl, values, instanceIds }: DnsRecord): DnsRecordDescription {
  return {
    Name: name,
    Type: type,
    Ttl: ttl,
    Values: [...values],
    ...(instanceIds ? { InstanceIds: [...instanceIds] } : {}),
  }
}
