import type { ResourceRecord } from '../ports/store.ts'

/** Something that goes wrong because somebody wants to see what happens then; it ends by itself. */
export interface FaultRecord extends ResourceRecord {
  /** Free text; labs know their own by it. */
  readonly name?: string
  readonly effect: FaultEffect
  /**
   * Instances, interfaces, security groups, subnets and VPCs: whatever is in them while the fault lasts, those that come later included.
   * None where the effect is on the API.
   */
  readonly targets: readonly string[]
  readonly startedAt: string
  readonly endsAt: string
}

/** How long a fault lasts for which no time is told. */
export const defaultFaultSeconds = 600

export type FaultEffect =
  | { readonly kind: 'delay'; readonly delayMs: number; readonly jitterMs?: number }
  | { readonly kind: 'loss'; readonly percent: number }
  | { readonly kind: 'rate'; readonly kbitPerSecond: number }
  /** No packet passes between the targets and these. */
  | { readonly kind: 'partition'; readonly against: readonly string[] }
  | { readonly kind: 'dns'; readonly mode: 'timeout' | 'refused' }
  | { readonly kind: 'metadata'; readonly mode: 'timeout' | 'error' }
  /** What calls of the account exceed is refused. */
  | { readonly kind: 'api'; readonly requestsPerSecond: number }

/** Whether it is in effect: one whose end has come is on its way out of the records. */
export function isInEffect({ endsAt }: FaultRecord, now: Date): boolean {
  return endsAt > now.toISOString()
}

/** Every resource that it names. */
export function namedBy({ effect, targets }: Pick<FaultRecord, 'effect' | 'targets'>): readonly string[] {
  return effect.kind === 'partition' ? [...targets, ...effect.against] : targets
}
