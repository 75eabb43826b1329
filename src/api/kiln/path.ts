import { z } from 'zod'

const port = z.number().int().min(0).max(65_535)

/** Whether packets get through. */
export const pathInputs = {
  /** Each end is an instance, an interface, an internet gateway, an address, `internet`, or `host`. Nothing is sent. */
  KilnAnalysePath: z.strictObject({
    Source: z.string(),
    Destination: z.string(),
    Protocol: z.enum(['tcp', 'udp', 'icmp']).optional(),
    Port: port.optional(),
    /** Any that clients have, when absent. */
    SourcePort: port.optional(),
  }),
}

export interface PathOutputs {
  KilnAnalysePath: {
    IsFound: boolean
    Forward: PathHopDescription[]
    /** The way of the answers. */
    Return: PathHopDescription[]
    Obstacles: { Code: string; Message: string; IsOfAnswer: boolean }[]
    /** From which of the source's ports it comes about. */
    SourcePorts: { From: number; To: number }[]
    /** What it rests on besides the records. */
    Assumptions: string[]
  }
}

export interface PathHopDescription {
  Kind:
    | 'interface'
    | 'nat-gateway'
    | 'internet-gateway'
    | 'egress-only-gateway'
    | 'peering-connection'
    | 'vpc-service'
    | 'security-group'
    | 'network-acl'
    | 'route'
  Text: string
  IsPassed: boolean
}
