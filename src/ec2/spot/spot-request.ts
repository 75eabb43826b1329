import type { LaunchSpecification } from '@aws-sdk/client-ec2'
import type { ResourceRecord } from '../ports/store.ts'

/** What a client wants of the spot market, besides the launch itself. Kiln has no market: it is fulfilled at once. */
export interface SpotTerms {
  /** In dollars an hour, as it was written; absent: the on-demand price. */
  readonly maximumPrice?: string
  /** Absent: it does not end. */
  readonly validUntil?: string
}

/** A spot request. It is forgotten together with its instance; what has become of it follows from the instance's state. */
export interface SpotRequestRecord extends ResourceRecord, SpotTerms {
  readonly createTime: string
  readonly instanceId: string
  readonly availabilityZone: string
  /** What was launched, as EC2 tells it. */
  readonly launchSpecification: LaunchSpecification
  readonly cancelledAt?: string
}

/** The end that a spot instance was told of. */
export interface SpotInterruption {
  readonly action: 'terminate'
  readonly noticedAt: string
  readonly time: string
}
