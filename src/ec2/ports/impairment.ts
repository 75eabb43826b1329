/** What faults do to the packets of a VPC. */
export interface Impairments {
  readonly interfaces: readonly InterfaceImpairment[]
  readonly partitions: readonly Partition[]
}

/** What happens to the packets of one interface; what is absent does not. */
export interface InterfaceImpairment {
  readonly tapName: string
  /** What goes to the guest comes so much later: each round trip takes that much longer. */
  readonly delayMs?: number
  /** How far the delay varies to either side. */
  readonly jitterMs?: number
  /** Of the packets in each direction, more than 0 to 100. */
  readonly lossPercent?: number
  /** In each direction. */
  readonly rateKbitPerSecond?: number
  /** What becomes of its questions to the VPC's resolver. */
  readonly dns?: 'timeout' | 'refused'
  /** Its requests to the metadata service are not answered. */
  readonly isMetadataSilent?: true
}

/** Addresses of two sides, IPv4 and IPv6, between which no packet passes. */
export type Partition = readonly [readonly string[], readonly string[]]
