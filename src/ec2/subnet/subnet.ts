import type { ResourceRecord } from '../ports/store.ts'

export interface SubnetRecord extends ResourceRecord {
  readonly vpcId: string
  readonly cidr: string
  readonly availabilityZone: string
  readonly availabilityZoneId: string
  readonly mapPublicIpOnLaunch: boolean
  readonly isDefaultForAz: boolean
}
