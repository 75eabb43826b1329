import type { ResourceRecord } from '../ports/store.ts'

export interface SubnetRecord extends ResourceRecord {
  readonly vpcId: string
  readonly cidr: string
  readonly availabilityZone: string
  readonly availabilityZoneId: string
  readonly mapPublicIpOnLaunch: boolean
  readonly isDefaultForAz: boolean
  /** Whether the names of instance ids resolve for what is launched in it; absent: they do. */
  readonly hasResourceNames?: boolean
}

/** Whether the names of instance ids resolve for what is launched in a subnet. */
export function hasResourceNames(subnet: SubnetRecord): boolean {
  return subnet.hasResourceNames ?? true
}
