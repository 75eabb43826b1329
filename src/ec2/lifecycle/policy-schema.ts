import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Scope, Tag } from '../ports/store.ts'
import { cronExpressionError, isCronExpression } from '../schedule/cron-expression.ts'
import { isTimeZone } from '../schedule/time-zone.ts'
import type { BackupRule, CleanUpRule, LifecyclePolicy } from './policy.ts'

/** Names of policies, which are names of files too. */
export const policyName = /^[a-z][a-z0-9-]{0,39}$/

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const

const duration = z
  .string()
  .regex(/^[1-9]\d{0,3}[mhdw]$/, 'expected a number and a unit: 30m, 12h, 14d, 8w')
  .transform((text) => Number(text.slice(0, -1)) * unitMs[text.slice(-1) as keyof typeof unitMs])
const tags = z
  .record(z.string().min(1).max(128), z.string().max(256))
  .refine((given) => Object.keys(given).length <= 50, 'expected at most 50 tags')
const targetTags = tags.refine((given) => Object.keys(given).length > 0, 'expected at least one tag')
const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region such as us-east-1')
const ownTags = tags.refine(
  (given) => !Object.keys(given).some((key) => /^(aws|kiln):/i.test(key)),
  'keys that begin with aws: or kiln: are not for users',
)

const backup = {
  tags: targetTags,
  copyTags: z.boolean().optional(),
  addTags: ownTags.optional(),
  copyTo: z.array(region).max(20).optional(),
  keep: z.int().min(1).max(1000).optional(),
  keepFor: duration.optional(),
}
const hasOneRetention = ({ keep, keepFor }: { keep?: number | undefined; keepFor?: number | undefined }) =>
  (keep === undefined) !== (keepFor === undefined)
const retentionMessage = { error: 'must have one of keep and keepFor' }

const snapshotsSchema = z
  .strictObject({
    ...backup,
    of: z.enum(['volumes', 'instances']).optional(),
    excludeBootVolume: z.boolean().optional(),
  })
  .refine(hasOneRetention, retentionMessage)
const imagesSchema = z
  .strictObject({ ...backup, noReboot: z.boolean().optional(), deprecateAfter: duration.optional() })
  .refine(hasOneRetention, retentionMessage)
const cleanUpSchema = z
  .strictObject({
    tags: targetTags.optional(),
    olderThan: duration.optional(),
    notLaunchedFor: duration.optional(),
    neverLaunched: z.boolean().optional(),
    alsoInUse: z.boolean().optional(),
    alsoProtected: z.boolean().optional(),
  })
  .refine(({ olderThan, notLaunchedFor }) => olderThan !== undefined || notLaunchedFor !== undefined, {
    error: 'must have olderThan or notLaunchedFor: what was made just now is never cleaned up',
  })

/** What a file of `lifecycle/` holds. */
export const policySchema = z
  .strictObject({
    description: z.string().max(255).optional(),
    account: z
      .string('expected twelve digits in quotes')
      .regex(/^\d{12}$/, 'expected twelve digits in quotes')
      .optional(),
    region: region.optional(),
    schedule: z.string().refine(isCronExpression, cronExpressionError).optional(),
    timeZone: z.string().refine(isTimeZone, 'expected an IANA name such as Europe/Berlin').optional(),
    catchUp: z.boolean().optional(),
    snapshots: snapshotsSchema.optional(),
    images: imagesSchema.optional(),
    cleanUp: cleanUpSchema.optional(),
  })
  .refine(
    ({ snapshots, images, cleanUp }) =>
      [snapshots, images, cleanUp].filter((given) => given !== undefined).length === 1,
    { error: 'must have one of snapshots, images and cleanUp' },
  )

type Checked = z.infer<typeof policySchema>

/** The policy of a checked file. `home` is whose it is, where it does not say. */
export function policyOf(name: string, text: string, checked: Checked, home: Scope): LifecyclePolicy {
  return {
    name,
    digest: createHash('sha256').update(text).digest('hex'),
    description: checked.description ?? '',
    accountId: checked.account ?? home.accountId,
    region: checked.region ?? home.region,
    ...(checked.schedule === undefined
      ? {}
      : {
          schedule: {
            cron: checked.schedule,
            ...(checked.timeZone ? { timeZone: checked.timeZone } : {}),
            isCaughtUp: checked.catchUp ?? true,
          },
        }),
    rule: ruleOf(checked),
  }
}

function ruleOf({ snapshots, images, cleanUp }: Checked): LifecyclePolicy['rule'] {
  if (snapshots) {
    const of = snapshots.of ?? 'volumes'
    return {
      kind: 'backup',
      makes: 'snapshots',
      of,
      excludesBootVolume: snapshots.excludeBootVolume ?? false,
      isWithoutReboot: true,
      ...commonOf(snapshots),
    }
  }
  if (images) {
    return {
      kind: 'backup',
      makes: 'images',
      of: 'instances',
      excludesBootVolume: false,
      isWithoutReboot: images.noReboot ?? true,
      ...commonOf(images),
      ...(images.deprecateAfter === undefined ? {} : { deprecateAfterMs: images.deprecateAfter }),
    }
  }
  return { kind: 'clean-up', ...cleanUpOf(cleanUp ?? {}) }
}

function commonOf(
  given: Pick<z.infer<typeof snapshotsSchema>, 'tags' | 'copyTags' | 'addTags' | 'copyTo' | 'keep' | 'keepFor'>,
): Pick<BackupRule, 'targetTags' | 'copiesTags' | 'addedTags' | 'copyTo' | 'keep'> {
  return {
    targetTags: tagsOf(given.tags),
    copiesTags: given.copyTags ?? false,
    addedTags: tagsOf(given.addTags),
    copyTo: [...new Set(given.copyTo)],
    keep: given.keepFor === undefined ? { count: given.keep ?? 1 } : { ageMs: given.keepFor },
  }
}

function cleanUpOf(given: z.infer<typeof cleanUpSchema> | Record<string, never>): CleanUpRule {
  return {
    tags: tagsOf(given.tags),
    ...(given.olderThan === undefined ? {} : { olderThanMs: given.olderThan }),
    ...(given.notLaunchedFor === undefined ? {} : { notLaunchedForMs: given.notLaunchedFor }),
    isNeverLaunched: given.neverLaunched ?? false,
    alsoInUse: given.alsoInUse ?? false,
    alsoProtected: given.alsoProtected ?? false,
  }
}

function tagsOf(given: Readonly<Record<string, string>> = {}): Tag[] {
  return Object.entries(given).map(([key, value]) => ({ key, value }))
}
