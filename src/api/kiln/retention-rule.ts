import { z } from 'zod'

const tagInput = z.strictObject({ Key: z.string(), Value: z.string().optional() })

/** The rules of the Recycle Bin. */
export const retentionRuleInputs = {
  /** A rule of the Recycle Bin: what is deleted is kept for so many days. With the identifier of a rule, changes it. */
  KilnPutRetentionRule: z.strictObject({
    Identifier: z.string().max(64).optional(),
    ResourceType: z.enum(['EC2_IMAGE', 'EBS_SNAPSHOT']),
    RetentionDays: z.number().int(),
    Description: z.string().max(255).optional(),
    /** What has one of these is kept; without them all that the region has. An empty value stands for any. */
    ResourceTags: z.array(tagInput).optional(),
    ExcludeResourceTags: z.array(tagInput).optional(),
  }),
  KilnDescribeRetentionRules: z.strictObject({}),
  /** What is in the bin stays for its time. */
  KilnDeleteRetentionRule: z.strictObject({ Identifier: z.string().max(64) }),
}

export interface RetentionRuleOutputs {
  KilnPutRetentionRule: { Rule: RetentionRuleDescription }
  KilnDescribeRetentionRules: { Rules: RetentionRuleDescription[] }
  KilnDeleteRetentionRule: Record<string, never>
}

export interface RetentionRuleDescription {
  Identifier: string
  ResourceType: 'EC2_IMAGE' | 'EBS_SNAPSHOT'
  RetentionDays: number
  Description: string
  ResourceTags: { Key: string; Value: string }[]
  ExcludeResourceTags: { Key: string; Value: string }[]
}
