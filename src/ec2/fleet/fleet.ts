import type { CreateFleetError, CreateFleetInstance, FleetData } from '@aws-sdk/client-ec2'
import type { ResourceRecord } from '../ports/store.ts'

/** A fleet of type instant: launched once when it is made, then a list of what was launched. */
export interface FleetRecord extends ResourceRecord {
  readonly createTime: string
  readonly clientToken?: string
  /** What it was asked for, as EC2 tells it again. */
  readonly request: Pick<
    FleetData,
    | 'ExcessCapacityTerminationPolicy'
    | 'LaunchTemplateConfigs'
    | 'TargetCapacitySpecification'
    | 'SpotOptions'
    | 'OnDemandOptions'
  >
  readonly fulfilledCapacity: number
  readonly fulfilledOnDemandCapacity: number
  readonly instances: readonly CreateFleetInstance[]
  readonly errors: readonly CreateFleetError[]
  readonly deletedAt?: string
}

/** The ids of all instances that a fleet has launched. */
export function instanceIdsOf(fleet: FleetRecord): string[] {
  return fleet.instances.flatMap(({ InstanceIds }) => InstanceIds ?? [])
}
