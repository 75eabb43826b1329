import { createHash } from 'node:crypto'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { InstanceRecord } from './instance.ts'

/** EC2 tells of a network in three layers, the one nearest to the instance last. */
const layers = ['region', 'rack', 'host']

/** DescribeInstanceTopology: every running instance is below the same nodes, because there is one host. */
export function describeInstanceTopology({ store }: Domain): Ec2Query<'DescribeInstanceTopology'> {
  const zoneIdOf = ({ subnetId }: InstanceRecord) => store.subnets.find(subnetId)?.availabilityZoneId
  const source: DescribeSource<InstanceRecord> = {
    collection: store.instances,
    prefix: 'i',
    idParameter: 'instanceIds',
    limits: { minimum: 1, maximum: 100 },
    filters: defineFilters({
      'availability-zone': ({ availabilityZone }) => availabilityZone,
      'instance-type': ({ instanceType }) => instanceType,
      'zone-id': zoneIdOf,
    }),
  }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'GroupNames', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const groups = input.GroupNames ?? []
      const page = selectRecords(source, context, {
        ...input,
        ids: input.InstanceIds,
        where: ({ state, placement }) =>
          (state === 'pending' || state === 'running') &&
          (groups.length === 0 || groups.includes(placement?.groupName ?? '')),
      })
      return {
        Instances: page.records.map((instance) => ({
          InstanceId: instance.id,
          InstanceType: instance.instanceType,
          ...(instance.placement ? { GroupName: instance.placement.groupName } : {}),
          NetworkNodes: layers.map((layer) => nodeOf(instance.region, layer)),
          AvailabilityZone: instance.availabilityZone,
          ZoneId: zoneIdOf(instance),
        })),
        ...page.token,
      }
    },
  }
}

function nodeOf(region: string, layer: string): string {
  return `nn-${createHash('sha256').update(`${region} ${layer}`).digest('hex').slice(0, 17)}`
}
