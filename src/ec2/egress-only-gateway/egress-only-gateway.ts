import type { ResourceRecord } from '../ports/store.ts'

/** A way from a VPC to the internet for IPv6 connections that its guests open. It is attached for as long as it is there. */
export interface EgressOnlyGatewayRecord extends ResourceRecord {
  readonly vpcId: string
}
