import { z } from 'zod'

/** Access keys. */
export const accessKeyInputs = {
  /** Makes an access key; its secret is told this once. */
  KilnCreateAccessKey: z.strictObject({
    /** The caller's own when absent. An account is there as soon as it has a key. */
    AccountId: z
      .string()
      .regex(/^\d{12}$/, 'must be twelve digits')
      .optional(),
    IsReadOnly: z.boolean().optional(),
    Description: z.string().max(255).optional(),
  }),
  /** Of all accounts. */
  KilnDescribeAccessKeys: z.strictObject({}),
  KilnEnableAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
  /** Ends the temporary credentials that were got with it, too. */
  KilnDisableAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
  KilnDeleteAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
}

export interface AccessKeyOutputs {
  KilnCreateAccessKey: { AccessKey: AccessKeyDescription & { SecretAccessKey: string } }
  KilnDescribeAccessKeys: { AccessKeys: AccessKeyDescription[] }
  KilnEnableAccessKey: { AccessKey: AccessKeyDescription }
  KilnDisableAccessKey: { AccessKey: AccessKeyDescription }
  KilnDeleteAccessKey: Record<string, never>
}

export interface AccessKeyDescription {
  AccessKeyId: string
  AccountId: string
  State: 'enabled' | 'disabled'
  IsReadOnly: boolean
  Description: string
  CreatedAt: string
}
