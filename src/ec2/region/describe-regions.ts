import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Region, Zone } from './region.ts'

export function describeRegions({ regions }: Domain): Ec2Query<'DescribeRegions'> {
  const statusOf = (region: Region) => (region.isOptInRequired ? 'not-opted-in' : 'opt-in-not-required')
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
      const known = regions
        .list()
        .filter(({ name, isOptInRequired }) =>
          names.length > 0 ? names.includes(name) : input.AllRegions || !isOptInRequired,
        )
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

export function describeAvailabilityZones({ regions }: Domain): Ec2Query<'DescribeAvailabilityZones'> {
  const filters = defineFilters<Zone & { regionName: string }>({
    'group-name': ({ regionName }) => regionName,
    message: () => undefined,
    'opt-in-status': () => 'opt-in-not-required',
    'region-name': ({ regionName }) => regionName,
    state: () => 'available',
    'zone-id': ({ id }) => id,
    'zone-name': ({ name }) => name,
    'zone-type': () => 'availability-zone',
  })
  return {
    kind: 'query',
    parameters: ['ZoneNames', 'ZoneIds', 'Filters', 'AllAvailabilityZones'],
    filters: filters.names,
    answer: ({ region }, input) => {
      const zones = (regions.get(region)?.zones ?? []).map((zone) => ({ ...zone, regionName: region }))
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
      const matching = applyFilters(known, input.Filters, filters)
      return {
        AvailabilityZones: matching.map((zone) => ({
          State: 'available' as const,
          OptInStatus: 'opt-in-not-required' as const,
          Messages: [],
          RegionName: region,
          ZoneName: zone.name,
          ZoneId: zone.id,
          GroupName: region,
          NetworkBorderGroup: region,
          ZoneType: 'availability-zone',
        })),
      }
    },
  }
}
