import type { Random } from '../../host/random.ts'
import type { ResourceRecord, Scope, Store, Tag } from '../ports/store.ts'

/** What a retention rule keeps; volumes are not kept by Kiln. */
export type RetainedType = 'EC2_IMAGE' | 'EBS_SNAPSHOT'

/** A rule of the Recycle Bin, as the service of that name has it: what is deleted is kept for so many days. Its id has 11 characters. */
export interface RetentionRuleRecord extends ResourceRecord {
  readonly resourceType: RetainedType
  readonly retentionDays: number
  readonly description: string
  /** Only what has one of these tags; empty: all of the region. */
  readonly resourceTags: readonly Tag[]
  /** What has one of these tags is not kept; for rules of the whole region. */
  readonly excludeResourceTags: readonly Tag[]
}

const ruleIdLength = 11
const characters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** A new id as the service makes them. */
export function newRuleId(random: Random): string {
  return Array.from(random.bytes(ruleIdLength), (byte) => characters[byte % characters.length]).join('')
}

/** For how many days a resource with these tags is kept when it is deleted: the longest of the rules that match; undefined without any. */
export function retentionDaysOf(
  store: Store,
  scope: Scope,
  resourceType: RetainedType,
  tags: readonly Tag[],
): number | undefined {
  const days = store.retentionRules
    .list(scope)
    .filter((rule) => rule.resourceType === resourceType && matchesRule(rule, tags))
    .map(({ retentionDays }) => retentionDays)
  return days.length === 0 ? undefined : Math.max(...days)
}

function matchesRule({ resourceTags, excludeResourceTags }: RetentionRuleRecord, tags: readonly Tag[]): boolean {
  const hasOneOf = (wanted: readonly Tag[]) =>
    wanted.some(({ key, value }) => tags.some((tag) => tag.key === key && (value === '' || tag.value === value)))
  return resourceTags.length > 0 ? hasOneOf(resourceTags) : !hasOneOf(excludeResourceTags)
}
