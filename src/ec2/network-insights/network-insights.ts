import type { NetworkInsightsAnalysis } from '@aws-sdk/client-ec2'
import type { ResourceRecord } from '../ports/store.ts'

/** A path that can be analysed, as often as one likes. */
export interface InsightsPathRecord extends ResourceRecord {
  readonly source: string
  readonly sourceIp?: string
  readonly destination?: string
  readonly destinationIp?: string
  readonly protocol: 'tcp' | 'udp'
  readonly port?: number
  readonly createdAt: string
}

/** What was found of a path at one time. */
export interface InsightsAnalysisRecord extends ResourceRecord {
  readonly pathId: string
  readonly startedAt: string
  /** As EC2 tells it. */
  readonly result: Pick<
    NetworkInsightsAnalysis,
    'NetworkPathFound' | 'ForwardPathComponents' | 'ReturnPathComponents' | 'Explanations'
  >
}

/** The ARN of something of EC2's. */
export function arnOf(
  { region, accountId }: Pick<ResourceRecord, 'region' | 'accountId'>,
  kind: string,
  id: string,
): string {
  return `arn:aws:ec2:${region}:${accountId}:${kind}/${id}`
}
