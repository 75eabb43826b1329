/** What only the running lab knows. */
export interface LabFacts {
  readonly imageId: string
  readonly snapshotId: string
  /** A stopped instance. */
  readonly stoppedId: string
  /** A security group named `taken` with one rule: TCP port 22 from 10.0.0.0/8. */
  readonly groupId: string
}

/** What is wrong, the operation, its input, the code that it gets and a part of the message. */
export type BadInput = readonly [
  what: string,
  operation: string,
  input: (facts: LabFacts) => object,
  code: string,
  message: string,
]

/** An id that belongs to nothing. */
export const missingInstance = 'i-0123456789abcdef0'

/** TCP port 22 from a CIDR block. */
export function sshFrom(CidrIp: string) {
  return { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp }] }
}
