import { z } from 'zod'

const targets = z.array(z.string().max(40)).max(100)

/** Faults that somebody wants to see: they end by themselves. */
export const faultInputs = {
  /** Begins one. In effect when the call returns. */
  KilnInjectFault: z.strictObject({
    Kind: z.enum(['delay', 'loss', 'rate', 'partition', 'dns', 'metadata', 'api']),
    /** Ids of instances, interfaces, security groups, subnets and VPCs. None for `api`, which is on the account. */
    Targets: targets.optional(),
    /** Of a partition: what the targets do not reach, and are not reached by. */
    Against: targets.min(1).optional(),
    DelayMs: z.number().int().min(1).max(60_000).optional(),
    JitterMs: z.number().int().min(1).max(60_000).optional(),
    LossPercent: z.number().min(0.01).max(100).optional(),
    RateKbitPerSecond: z.number().int().min(8).max(100_000_000).optional(),
    /** Of `dns`: timeout (when absent) or refused. Of `metadata`: timeout (when absent) or error. */
    Mode: z.enum(['timeout', 'refused', 'error']).optional(),
    RequestsPerSecond: z.number().min(0).max(10_000).optional(),
    /** `defaultFaultSeconds` when absent. */
    DurationSeconds: z.number().int().min(1).max(86_400).optional(),
    Name: z.string().min(1).max(128).optional(),
  }),
  /** Those that last. */
  KilnDescribeFaults: z.strictObject({}),
  /** Ends them before their time. */
  KilnClearFaults: z.strictObject({ FaultIds: z.array(z.string().max(40)).min(1).max(100) }),
}

export interface FaultOutputs {
  KilnInjectFault: { Fault: FaultDescription }
  KilnDescribeFaults: { Faults: FaultDescription[] }
  KilnClearFaults: Record<string, never>
}

export interface FaultDescription {
  FaultId: string
  Name?: string
  Kind: z.infer<typeof faultInputs.KilnInjectFault>['Kind']
  Targets: string[]
  Against?: string[]
  DelayMs?: number
  JitterMs?: number
  LossPercent?: number
  RateKbitPerSecond?: number
  Mode?: 'timeout' | 'refused' | 'error'
  RequestsPerSecond?: number
  StartedAt: string
  EndsAt: string
}
