import type { ResourceRecord } from '../ports/store.ts'

export type FlowLogResourceType = 'VPC' | 'Subnet' | 'NetworkInterface'
export type FlowLogTrafficType = 'ACCEPT' | 'REJECT' | 'ALL'

/** Where records go: objects of a bucket, or files of a log group (docs/adr/flow-logs-are-counted-in-the-kernel.md). */
export type FlowLogDestination =
  | {
      readonly type: 's3'
      readonly bucket: string
      /** Of the keys; empty or with a slash at its end. */
      readonly prefix: string
      readonly hasHivePartitions: boolean
      readonly hasHourPartitions: boolean
    }
  | {
      readonly type: 'cloud-watch-logs'
      readonly logGroupName: string
      /** The role that EC2 would write with; told again. */
      readonly permissionArn?: string
    }

/** A flow log: what passes the interfaces of one resource is recorded. */
export interface FlowLogRecord extends ResourceRecord {
  readonly resourceType: FlowLogResourceType
  readonly resourceId: string
  /** The resource's VPC, or the resource itself. */
  readonly vpcId: string
  readonly trafficType: FlowLogTrafficType
  readonly aggregationSeconds: number
  /** `${FIELD} ${FIELD} …` */
  readonly format: string
  readonly destination: FlowLogDestination
  readonly createdAt: string
}

/** What stands between EC2's names of a kind of resource and the prefix of its ids. */
export const flowLogResources = {
  VPC: 'vpc',
  Subnet: 'subnet',
  NetworkInterface: 'eni',
} as const satisfies Record<FlowLogResourceType, string>
