import { z } from 'zod'

/** Lifecycle policies and what they did. */
export const lifecycleInputs = {
  /** The account's lifecycle policies, in all regions, as their files say them. */
  KilnDescribeLifecyclePolicies: z.strictObject({}),
  /** Carries a policy out at once; a dry run changes nothing and tells what would be. */
  KilnRunLifecyclePolicy: z.strictObject({ Name: z.string().max(64), IsDryRun: z.boolean().optional() }),
  /** From now on its schedule changes something, until its file changes. */
  KilnEnableLifecyclePolicy: z.strictObject({ Name: z.string().max(64) }),
  /** From now on its schedule only tells what it would do. */
  KilnDisableLifecyclePolicy: z.strictObject({ Name: z.string().max(64) }),
  /** The newest first. */
  KilnDescribeLifecycleRuns: z.strictObject({ Name: z.string().max(64) }),
}

export interface LifecycleOutputs {
  KilnDescribeLifecyclePolicies: { Policies: LifecyclePolicyDescription[] }
  KilnRunLifecyclePolicy: { Run: LifecycleRunDescription }
  KilnEnableLifecyclePolicy: { Policy: LifecyclePolicyDescription }
  KilnDisableLifecyclePolicy: { Policy: LifecyclePolicyDescription }
  KilnDescribeLifecycleRuns: { Runs: LifecycleRunDescription[] }
}

export interface LifecyclePolicyDescription {
  Name: string
  File: string
  /** `trial`: its schedule tells what it would do; `malformed`: see Problem. */
  State: 'enabled' | 'trial' | 'malformed'
  /** File, line and key of each mistake. */
  Problem?: string
  Region?: string
  Description?: string
  Kind?: 'snapshots' | 'images' | 'clean-up'
  Cron?: string
  TimeZone?: string
  NextRun?: string
}

export interface LifecycleRunDescription {
  PolicyName: string
  Region: string
  StartedAt: string
  EndedAt: string
  Trigger: 'schedule' | 'call'
  /** The time of the schedule that it is for. */
  DueAt?: string
  /** That time had passed: the daemon was down at it, or its end had interrupted the run. */
  IsLate?: true
  IsDryRun: boolean
  Steps: {
    Action: 'create' | 'copy' | 'deprecate' | 'delete' | 'keep'
    ResourceId: string
    Region: string
    Reason: string
    /** Ids, with spaces between. */
    MadeId?: string
    Error?: string
  }[]
}
