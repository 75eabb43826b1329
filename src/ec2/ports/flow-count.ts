/** What the network has counted for flow logs: src/network/flow-table.ts says how. */

/** Packets of one flow past one interface, in one direction and with one verdict. */
export interface FlowCount {
  /** The device of the interface in the VPC's namespace: a guest's tap, or `natDeviceOf` its gateway. */
  readonly tapName: string
  /** Whether they go to the guest. */
  readonly isEntering: boolean
  /** Whether security groups and network ACLs let them pass at that interface. */
  readonly isAccepted: boolean
  /** As the packets have them: neither need be an address of the interface where it carries for others. */
  readonly source: string
  readonly destination: string
  /** IANA's number. */
  readonly protocol: number
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number
  readonly destinationPort: number
  readonly packets: number
  /** Of IP: headers included, Ethernet's not. */
  readonly bytes: number
  /** FIN 1, SYN 2, RST 4, and SYN-ACK 18, joined by OR; 0 for what has none of them. */
  readonly tcpFlags: number
}

/** What was counted between two moments, in milliseconds since 1970. Each packet is in one reading. */
export interface FlowReading {
  readonly vpcId: string
  readonly since: number
  readonly until: number
  /** The interfaces that were looked at, whether anything passed them or not. */
  readonly tapNames: readonly string[]
  /** Those that had more flows at once than are kept: some of them are missing. */
  readonly skippedTapNames: readonly string[]
  readonly flows: readonly FlowCount[]
}
