import type { FleetData } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findOne } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { type FleetRecord, instanceIdsOf } from './fleet.ts'

/** Fleets of type instant are told of only when they are asked for by id, as on EC2. */
export function describeFleets({ store }: Domain): Ec2Query<'DescribeFleets'> {
  const source: DescribeSource<FleetRecord> = {
    collection: store.fleets,
    prefix: 'fleet',
    idParameter: 'fleetIds',
    filters: defineFilters<FleetRecord>({
      'activity-status': (fleet) => activityOf(fleet),
      'excess-capacity-termination-policy': ({ request }) => request.ExcessCapacityTerminationPolicy,
      'fleet-state': (fleet) => fleetStateOf(store, fleet),
      'replace-unhealthy-instances': () => false,
      type: () => 'instant',
    }),
    limits: { minimum: 1, maximum: 1000 },
  }
  return {
    kind: 'query',
    parameters: ['FleetIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const { FleetIds: ids = [] } = input
      const page = selectRecords(source, context, { ...input, ids, where: () => ids.length > 0 })
      return { Fleets: page.records.map((fleet) => describeFleet(store, fleet)), ...page.token }
    },
  }
}

/** The instances of a fleet that are not ended. */
export function describeFleetInstances({ store }: Domain): Ec2Query<'DescribeFleetInstances'> {
  const filters = defineFilters<InstanceRecord>({ 'instance-type': ({ instanceType }) => instanceType })
  return {
    kind: 'query',
    parameters: ['FleetId', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const fleet = findOne('fleet', input.FleetId ?? '', (id) => store.fleets.get(context, id))
      const matching = applyFilters(activeInstancesOf(store, fleet), input.Filters, filters)
      const page = takePage(matching, input, ({ id }) => id, { minimum: 1, maximum: 1000 })
      return {
        FleetId: fleet.id,
        ActiveInstances: page.records.map((instance) => ({
          InstanceId: instance.id,
          InstanceType: instance.instanceType,
          ...(instance.spot ? { SpotInstanceRequestId: instance.spot.requestId } : {}),
          InstanceHealth: 'healthy' as const,
        })),
        ...page.token,
      }
    },
  }
}

/** A deleted fleet is terminating for as long as its instances are. */
export function fleetStateOf(store: Store, fleet: FleetRecord): 'active' | 'deleted' | 'deleted_terminating' {
  if (fleet.deletedAt === undefined) return 'active'
  return activeInstancesOf(store, fleet).length > 0 ? 'deleted_terminating' : 'deleted'
}

function activeInstancesOf(store: Store, fleet: FleetRecord): InstanceRecord[] {
  return instanceIdsOf(fleet).flatMap((id) => {
    const instance = store.instances.find(id)
    return instance && instance.state !== 'terminated' ? [instance] : []
  })
}

function activityOf({ errors }: FleetRecord): 'error' | 'fulfilled' {
  return errors.length > 0 ? 'error' : 'fulfilled'
}

function describeFleet(store: Store, fleet: FleetRecord): FleetData {
  return {
    ActivityStatus: activityOf(fleet),
    CreateTime: new Date(fleet.createTime),
    FleetId: fleet.id,
    FleetState: fleetStateOf(store, fleet),
    ...(fleet.clientToken === undefined ? {} : { ClientToken: fleet.clientToken }),
    ...fleet.request,
    FulfilledCapacity: fleet.fulfilledCapacity,
    FulfilledOnDemandCapacity: fleet.fulfilledOnDemandCapacity,
    TerminateInstancesWithExpiration: false,
    ReplaceUnhealthyInstances: false,
    Type: 'instant',
    Tags: describeTags(store.tags.of(fleet.id)),
    Errors: [...fleet.errors],
    Instances: [...fleet.instances],
  }
}
