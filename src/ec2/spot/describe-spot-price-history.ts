import type { DescribeSpotPriceHistoryRequest, SpotPrice } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters, type FilterTable } from '../filter.ts'
import type { CallContext, Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'

/** One price of a type in a zone. */
interface Price {
  readonly type: string
  readonly zone: string
  readonly zoneId: string
  readonly timestamp: Date
}

/** Kiln's servers cost nothing, and always did. */
const price = '0.000000'
const product = 'Linux/UNIX'

const filterTable: FilterTable<Price> = {
  'availability-zone': ({ zone }) => zone,
  'availability-zone-id': ({ zoneId }) => zoneId,
  'instance-type': ({ type }) => type,
  'product-description': () => product,
  'spot-price': () => price,
  timestamp: ({ timestamp }) => timestamp.toISOString(),
}

/** The one price that holds at the end of the span asked for, for each type and zone. */
export function describeSpotPriceHistory(domain: Domain): Ec2Query<'DescribeSpotPriceHistory'> {
  const filters = defineFilters(filterTable)
  return {
    kind: 'query',
    parameters: [
      'InstanceTypes',
      'ProductDescriptions',
      'AvailabilityZone',
      'AvailabilityZoneId',
      'StartTime',
      'EndTime',
      'Filters',
      'MaxResults',
      'NextToken',
    ],
    filters: filters.names,
    isRecordOnly: true,
    answer: (context, input) => {
      const matching = applyFilters(listPrices(domain, context, input), input.Filters, filters)
      const page = takePage(matching, input, ({ type, zone }) => `${type} ${zone}`, { minimum: 1, maximum: 1000 })
      return { SpotPriceHistory: page.records.map(describePrice), NextToken: '', ...page.token }
    },
  }
}

function listPrices(domain: Domain, context: CallContext, input: DescribeSpotPriceHistoryRequest): Price[] {
  const { InstanceTypes: types = [], ProductDescriptions: products = [] } = input
  if (products.length > 0 && !products.some((name) => name.startsWith(product))) return []
  const zones = (domain.regions.get(context.region)?.zones ?? []).filter(
    ({ name, id }) => (input.AvailabilityZone ?? name) === name && (input.AvailabilityZoneId ?? id) === id,
  )
  const timestamp = startOfDay(input.EndTime !== undefined && input.EndTime < context.now ? input.EndTime : context.now)
  return domain.instanceTypes
    .list()
    .filter(({ name }) => types.length === 0 || (types as readonly string[]).includes(name))
    .flatMap(({ name: type }) => zones.map(({ name, id }) => ({ type, zone: name, zoneId: id, timestamp })))
}

/** So that the pages of a listing tell the same. */
function startOfDay(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()))
}

function describePrice({ type, zone, zoneId, timestamp }: Price): SpotPrice {
  return {
    AvailabilityZone: zone,
    AvailabilityZoneId: zoneId,
    InstanceType: type as NonNullable<SpotPrice['InstanceType']>,
    ProductDescription: product,
    SpotPrice: price,
    Timestamp: timestamp,
  }
}
