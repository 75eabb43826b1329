import type { ResourceRecord } from '../ports/store.ts'

/** An elastic network interface. */
export interface InterfaceRecord extends ResourceRecord {
  readonly vpcId: string
  readonly subnetId: string
  readonly availabilityZone: string
  readonly description: string
  /** Lower case. */
  readonly macAddress: string
  readonly privateIp: string
  readonly groupIds: readonly string[]
  readonly hasSourceDestCheck: boolean
  /** Whether a public address is given at each start of its instance. */
  readonly wantsPublicIp: boolean
  readonly publicIp?: string
  readonly attachment?: InterfaceAttachment
}

export interface InterfaceAttachment {
  readonly id: string
  readonly instanceId: string
  readonly deviceIndex: number
  readonly attachTime: string
  readonly deleteOnTermination: boolean
}

/** The tap's name in its namespace: at most 15 characters (IFNAMSIZ), told apart by the id's last 12. */
export function tapNameOf(interfaceId: string): string {
  return `eni${interfaceId.slice(-12)}`
}
