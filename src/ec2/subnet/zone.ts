import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { Scope } from '../ports/store.ts'
import type { Zone } from '../region/region.ts'

/** The zone that a subnet shall be in, by name or id; the region's first one when the client leaves it open. */
export function readZone(
  { regions }: Pick<Domain, 'regions'>,
  scope: Scope,
  input: { AvailabilityZone?: string | undefined; AvailabilityZoneId?: string | undefined },
): Zone {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input
  if (name !== undefined && id !== undefined) {
    throw invalidParameterCombination('The parameters AvailabilityZone and AvailabilityZoneId may not be used together')
  }
  const zones = regions.get(scope.region)?.zones ?? []
  const chosen = zones.find((zone) => (name ?? zone.name) === zone.name && (id ?? zone.id) === zone.id)
  if (chosen) return chosen
  const parameter = id === undefined ? 'availabilityZone' : 'availabilityZoneId'
  const known = zones.map((zone) => (id === undefined ? zone.name : zone.id)).join(', ')
  throw invalidParameterValue(
    parameter,
    (name ?? id ?? '').slice(0, 80),
    `Subnets can currently only be created in the following availability zones: ${known}.`,
  )
}
