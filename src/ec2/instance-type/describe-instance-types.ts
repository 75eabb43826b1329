import type { InstanceTypeInfo, LocationType } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Zone } from '../region/region.ts'
import { describeType } from './describe-type.ts'
import { instanceTypeFilters } from './instance-type-filters.ts'

/** Every type is offered in every region: a call that includes the others gets the same. */
export function describeInstanceTypes({ instanceTypes }: Domain): Ec2Query<'DescribeInstanceTypes'> {
  const filters = defineFilters(instanceTypeFilters)
  return {
    kind: 'query',
    parameters: ['InstanceTypes', 'Filters', 'MaxResults', 'NextToken', 'IncludeUnsupportedInRegion'],
    filters: filters.names,
    answer: (_context, input) => {
      const names = input.InstanceTypes ?? []
      const unknown = names.filter((name) => !instanceTypes.find(name))
      if (unknown.length > 0) {
        throw new Ec2Error(
          'InvalidInstanceType',
          `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
        )
      }
      const known = names.length > 0 ? names.map((name) => instanceTypes.get(name)) : instanceTypes.list()
      const matching = applyFilters([...new Set(known)].map(describeType), input.Filters, filters)
      const page = takePage(matching, input, (type) => type.InstanceType ?? '', { minimum: 5, maximum: 100 })
      return { InstanceTypes: page.records, ...page.token }
    },
  }
}

export function describeInstanceTypeOfferings({
  instanceTypes,
  regions,
}: Domain): Ec2Query<'DescribeInstanceTypeOfferings'> {
  const filters = defineFilters<{ name: string; location: string }>({
    'instance-type': ({ name }) => name,
    location: ({ location }) => location,
  })
  return {
    kind: 'query',
    parameters: ['LocationType', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const type = input.LocationType ?? 'region'
      const zones = regions.get(context.region)?.zones ?? []
      const locations = locationsOf(type, context.region, zones)
      const offerings = instanceTypes.list().flatMap(({ name }) => locations.map((location) => ({ name, location })))
      const matching = applyFilters(offerings, input.Filters, filters)
      const page = takePage(matching, input, ({ name, location }) => `${name} ${location}`)
      return {
        InstanceTypeOfferings: page.records.map(({ name, location }) => ({
          InstanceType: name as NonNullable<InstanceTypeInfo['InstanceType']>,
          LocationType: type,
          Location: location,
        })),
        ...page.token,
      }
    },
  }
}

/** There are no Outposts. */
function locationsOf(type: LocationType, region: string, zones: readonly Zone[]): string[] {
  if (type === 'outpost') return []
  if (type === 'region') return [region]
  return zones.map((zone) => (type === 'availability-zone-id' ? zone.id : zone.name))
}
