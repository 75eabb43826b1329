import { z } from 'zod'

/** What passes network interfaces right now. */
export const flowInputs = {
  /**
   * What has passed since the record of that number at the interfaces of instances, and at those of VPCs, subnets and interfaces, of all
   * VPCs when none is named. Looking goes on for some seconds after each call; the first one begins it and tells where it begins.
   */
  KilnWatchFlows: z.strictObject({
    ResourceIds: z.array(z.string()).optional(),
    AfterNumber: z.number().int().nonnegative().optional(),
  }),
}

export interface FlowOutputs {
  KilnWatchFlows: { Records: FlowDescription[]; LastNumber: number }
}

/** A flow at an interface, in one direction and with one verdict, as far as one look has it. */
export interface FlowDescription {
  Number: number
  /** The record in EC2's default format. */
  Line: string
  InterfaceId: string
  InstanceId?: string
  Status: 'OK' | 'NODATA' | 'SKIPDATA'
  /** Absent where some of what passed is missing. */
  Flow?: {
    Direction: 'ingress' | 'egress'
    Action: 'ACCEPT' | 'REJECT'
    SourceAddress: string
    DestinationAddress: string
    SourcePort: number
    DestinationPort: number
    Protocol: number
    Packets: number
    Bytes: number
  }
  StartTime: string
  EndTime: string
}
