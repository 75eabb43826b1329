import { z } from 'zod'

/** An availability zone: its name in the region, its id that is the same for every account. */
export interface Zone {
  readonly name: string
  readonly id: string
}

/** A public EC2 region. */
export interface Region {
  readonly name: string
  readonly longName: string
  readonly isOptInRequired: boolean
  readonly zones: readonly Zone[]
}

export interface RegionCatalog {
  get(name: string): Region | undefined
  list(): readonly Region[]
}

/** The partition in the ARNs of a region: `aws-cn` in China, `aws-us-gov` in GovCloud. */
export function partitionOf(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

/** Shape of config/regions.yaml: `zones` is the prefix of the zone ids, `use1` for `use1-az1` to `use1-az3`. */
export const regionFileSchema = z.strictObject({
  regions: z.array(
    z.strictObject({ name: z.string(), longName: z.string(), zoneIdPrefix: z.string(), optIn: z.boolean().optional() }),
  ),
})

/** Makes the catalogue: each region has three zones, a to c. */
export function createRegionCatalog(file: z.infer<typeof regionFileSchema>): RegionCatalog {
  const regions = file.regions.map(
    ({ name, longName, zoneIdPrefix, optIn }): Region => ({
      name,
      longName,
      isOptInRequired: optIn ?? false,
      zones: ['a', 'b', 'c'].map((letter, index) => ({
        name: `${name}${letter}`,
        id: `${zoneIdPrefix}-az${index + 1}`,
      })),
    }),
  )
  const byName = new Map(regions.map((region) => [region.name, region]))
  return { get: (name) => byName.get(name), list: () => regions }
}
