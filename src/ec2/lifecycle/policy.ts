import type { ResourceRecord, Tag } from '../ports/store.ts'
import type { CronTiming } from '../schedule/cron-expression.ts'

/** Backups of what has one of some tags, as Amazon Data Lifecycle Manager makes them. */
export interface BackupRule {
  readonly makes: 'snapshots' | 'images'
  /** Snapshots are of single volumes, or of all volumes of an instance at one instant; images are of instances. */
  readonly of: 'volumes' | 'instances'
  readonly targetTags: readonly Tag[]
  readonly excludesBootVolume: boolean
  /** Images: the instance is not rebooted for it. */
  readonly isWithoutReboot: boolean
  readonly copiesTags: boolean
  readonly addedTags: readonly Tag[]
  /** Other regions that get a copy each. */
  readonly copyTo: readonly string[]
  /** Of each volume or instance, in each region: so many, or for so long. */
  readonly keep: { readonly count: number } | { readonly ageMs: number }
  /** Images: how long after it was made one is deprecated. */
  readonly deprecateAfterMs?: number
}

/** Images that are not needed any more: they are deregistered with their snapshots when all that is said of them holds. */
export interface CleanUpRule {
  readonly tags: readonly Tag[]
  readonly olderThanMs?: number
  /** Since it was launched last, or made. */
  readonly notLaunchedForMs?: number
  readonly isNeverLaunched: boolean
  /** Those, too, that an instance or a launch template uses. */
  readonly alsoInUse: boolean
  /** Those, too, that are protected against deregistration. */
  readonly alsoProtected: boolean
}

/** A policy as its file says it; the file's name is its name. */
export interface LifecyclePolicy {
  readonly name: string
  /** Of the file: a policy that was changed is another one, which is to be enabled anew. */
  readonly digest: string
  readonly description: string
  readonly accountId: string
  readonly region: string
  readonly schedule?: CronTiming & { readonly isCaughtUp: boolean }
  readonly rule: ({ readonly kind: 'backup' } & BackupRule) | ({ readonly kind: 'clean-up' } & CleanUpRule)
}

/** A file of `lifecycle/`: a policy, or what is wrong with it. */
export interface PolicyFile {
  readonly name: string
  readonly path: string
  readonly policy?: LifecyclePolicy
  readonly problem?: string
}

/** Which version of a policy its account lets change something. */
export interface LifecycleEnablement extends ResourceRecord {
  readonly digest: string
  readonly enabledAt: string
}

/** One run of a policy, kept for its history. */
export interface LifecycleRunRecord extends ResourceRecord {
  readonly policyName: string
  readonly startedAt: string
  readonly endedAt: string
  readonly trigger: 'schedule' | 'call'
  /** The time of its schedule that it is for. */
  readonly dueAt?: string
  /** That time had passed: the daemon was down at it, or its end had interrupted the run. */
  readonly isLate?: true
  /** Nothing was changed: it only tells what would have been. */
  readonly isDryRun: boolean
  readonly steps: readonly LifecycleStep[]
}

/** What a run does to one resource, or why it leaves it. */
export interface LifecycleStep {
  readonly action: 'create' | 'copy' | 'deprecate' | 'delete' | 'keep'
  /** The volume, instance, snapshot or image that it is done to. */
  readonly resourceId: string
  readonly region: string
  readonly reason: string
  /** What came into being. */
  readonly madeId?: string
  /** Why it could not be done. */
  readonly error?: string
}

/** Tags of what a policy has made: by them it finds its own again. */
export const lifecycleTag = {
  policy: 'kiln:lifecycle-policy',
  source: 'kiln:lifecycle-source',
} as const

export function policyIdOf({
  accountId,
  region,
  name,
}: Pick<LifecyclePolicy, 'accountId' | 'region' | 'name'>): string {
  return `${accountId}/${region}/${name}`
}
