import type { ResourceRecord } from '../ports/store.ts'

/** A range of a subnet whose addresses are given only to who asks for them ("Subnet CIDR reservations"). */
export interface CidrReservationRecord extends ResourceRecord {
  readonly subnetId: string
  readonly cidr: string
  readonly type: 'explicit' | 'prefix'
  readonly description?: string
}
