import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { MutationContext } from '../operation.ts'
import { readTags, type TagInput } from '../tag/tag.ts'
import { newRuleId, type RetainedType, type RetentionRuleRecord } from './retention-rule.ts'

/** A rule as it is asked for; with an id that is there, what it is to become. */
export interface RetentionRuleRequest {
  readonly id?: string | undefined
  readonly resourceType: RetainedType
  readonly retentionDays: number
  readonly description: string
  readonly resourceTags: readonly TagInput[]
  readonly excludeResourceTags: readonly TagInput[]
}

/** Limits of "Recycle Bin quotas": a year, rules of a region, tags of a rule. */
const maximumDays = 365
const maximumRules = 250
const maximumResourceTags = 50
const maximumExcludedTags = 5

/** Records a rule; inside a mutation. What is in the bin already keeps its time, as in EC2. */
export function putRetentionRule(
  { store, random }: Domain,
  context: MutationContext,
  request: RetentionRuleRequest,
): RetentionRuleRecord {
  const { retentionDays, id } = request
  if (retentionDays < 1 || retentionDays > maximumDays) {
    throw invalidParameterValue('RetentionDays', retentionDays, `Expected 1 to ${maximumDays} days.`)
  }
  const resourceTags = readTags(request.resourceTags)
  const excludeResourceTags = readTags(request.excludeResourceTags)
  if (resourceTags.length > 0 && excludeResourceTags.length > 0) {
    throw invalidParameterCombination(
      'Only a rule for the whole region, without ResourceTags, can have ExcludeResourceTags.',
    )
  }
  requireAtMost('ResourceTags', resourceTags.length, maximumResourceTags)
  requireAtMost('ExcludeResourceTags', excludeResourceTags.length, maximumExcludedTags)
  const present = id === undefined ? undefined : findRetentionRule({ store }, context, id)
  if (present && present.resourceType !== request.resourceType) {
    throw invalidParameterValue('ResourceType', request.resourceType, `The rule is about ${present.resourceType}.`)
  }
  if (!present) requireAtMost('rules of a region', store.retentionRules.count(context) + 1, maximumRules)
  const { accountId, region } = context
  const rule: RetentionRuleRecord = {
    accountId,
    region,
    id: present?.id ?? newRuleId(random),
    resourceType: request.resourceType,
    retentionDays,
    description: request.description,
    resourceTags,
    excludeResourceTags,
  }
  if (present) store.retentionRules.replace(rule)
  else store.retentionRules.insert(rule)
  return rule
}

/** Throws ResourceNotFoundException, the Recycle Bin's own. */
export function findRetentionRule(
  { store }: Pick<Domain, 'store'>,
  context: MutationContext,
  id: string,
): RetentionRuleRecord {
  const rule = store.retentionRules.get(context, id)
  if (rule) return rule
  throw new Ec2Error('ResourceNotFoundException', `Rule with id ${id.slice(0, 80)} does not exist`, 404)
}

function requireAtMost(what: string, count: number, maximum: number): void {
  if (count <= maximum) return
  throw new Ec2Error('ServiceQuotaExceededException', `At most ${maximum} ${what}, not ${count}.`, 402)
}
