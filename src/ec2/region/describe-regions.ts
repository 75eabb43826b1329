import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { optedIn, zoneGroupOf } from './opt-in.ts'
import type { Region, Zone } from './region.ts'

/**
 * DescribeRegions. Every region is served without being asked for, so those that AWS wants opted into are opted into from the
 * beginning, for every account.
 */
export function describeRegions({ regions }: Domain): Ec2Query<'DescribeRegions'> {
  const statusOf = (region: Region) => (region.isOptInRequired ? 'opted-in' : 'opt-in-not-required')
  const filters = defineFilters<Region>({
    endpoint: ({ name }) => `ec2.${name}.amazonaws.com`,
    'opt-in-status': statusOf,
    'region-name': ({ name }) => name,
  })
  return {
    kind: 'query',
    parameters: ['RegionNames', 'Filters', 'AllRegions'],
    filters: filters.names,
    answer: (_context, input) => {
      const names = input.RegionNames ?? []
      const unknown = names.find((name) => !regions.get(name))
      if (unknown !== undefined)
        throw new Ec2Error('InvalidParameterValue', `Invalid region name: ${unknown.slice(0, 80)}`)
      const known = regions.list().filter(({ name }) => names.length === 0 || names.includes(name))
      const matching = applyFilters(known, input.Filters, filters)
      return {
        Regions: matching.map((region) => ({
          RegionName: region.name,
          Endpoint: `ec2.${region.name}.amazonaws.com`,
          OptInStatus: statusOf(region),
        })),
      }
    },
  }
}

/** DescribeAvailabilityZones: the three zones of the region, always available. There are no Local or Wavelength Zones. */
export function describeAvailabilityZones({ store, regions }: Domain): Ec2Query<'DescribeAvailabilityZones'> {
  interface ListedZone extends Zone {
    readonly region: Region
    readonly optInStatus: 'opted-in' | 'opt-in-not-required'
  }
  const groupLongNameOf = ({ region }: ListedZone) => `${region.longName} 1`
  const filters = defineFilters<ListedZone>({
    'group-long-name': groupLongNameOf,
    'group-name': ({ region }) => zoneGroupOf(region.name),
    message: () => undefined,
    'opt-in-status': ({ optInStatus }) => optInStatus,
    'parent-zone-id': () => undefined,
    'parent-zone-name': () => undefined,
    'region-name': ({ region }) => region.name,
    state: () => 'available',
    'zone-id': ({ id }) => id,
    'zone-name': ({ name }) => name,
    'zone-type': () => 'availability-zone',
  })
  return {
    kind: 'query',
    parameters: ['ZoneNames', 'ZoneIds', 'Filters', 'AllAvailabilityZones'],
    filters: filters.names,
    answer: (context, input) => {
      const region = regions.get(context.region)
      const optInStatus = optedIn.get(store, context).isOptedIn ? 'opted-in' : 'opt-in-not-required'
      const zones = region?.zones.map((zone): ListedZone => ({ ...zone, region, optInStatus })) ?? []
      const unknown = [
        ...(input.ZoneNames ?? []).filter((name) => !zones.some((zone) => zone.name === name)),
        ...(input.ZoneIds ?? []).filter((id) => !zones.some((zone) => zone.id === id)),
      ]
      if (unknown[0] !== undefined)
        throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${unknown[0].slice(0, 80)}]`)
      const known = zones.filter(
        (zone) =>
          (!input.ZoneNames?.length || input.ZoneNames.includes(zone.name)) &&
          (!input.ZoneIds?.length || input.ZoneIds.includes(zone.id)),
      )
      return {
        AvailabilityZones: applyFilters(known, input.Filters, filters).map((zone) => ({
          State: 'available' as const,
          OptInStatus: zone.optInStatus,
          Messages: [],
          RegionName: zone.region.name,
          ZoneName: zone.name,
          ZoneId: zone.id,
          GroupName: zoneGroupOf(zone.region.name),
          GroupLongName: groupLongNameOf(zone),
          NetworkBorderGroup: zone.region.name,
          ZoneType: 'availability-zone',
        })),
      }
    },
  }
}
