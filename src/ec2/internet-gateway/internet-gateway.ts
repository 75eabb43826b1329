import type { ResourceRecord } from '../ports/store.ts'

/** A way from a VPC to the internet; a VPC has at most one. */
export interface InternetGatewayRecord extends ResourceRecord {
  /** Where it is attached. */
  readonly vpcId?: string
}
