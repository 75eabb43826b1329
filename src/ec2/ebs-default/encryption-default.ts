import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter } from '../errors.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope } from '../ports/store.ts'

/** Volumes are not encrypted as yet, so there is nothing but the truth to tell; enabling it is not offered. */
export function getEbsEncryptionByDefault(): Ec2Query<'GetEbsEncryptionByDefault'> {
  return { kind: 'query', parameters: [], answer: () => ({ EbsEncryptionByDefault: false, SseType: 'none' }) }
}

/** DisableEbsEncryptionByDefault: as it is anyway. */
export function disableEbsEncryptionByDefault(): Ec2Mutation<'DisableEbsEncryptionByDefault'> {
  return { kind: 'mutation', parameters: [], apply: () => ({ EbsEncryptionByDefault: false }) }
}

/** EC2's name of the key that it has for every account. */
const awsManagedKey = 'alias/aws/ebs'

const ebsDefaultKmsKey = defineAccountSetting('ebs-default-kms-key', { keyId: awsManagedKey })

export function getEbsDefaultKmsKeyId({ store }: Domain): Ec2Query<'GetEbsDefaultKmsKeyId'> {
  return {
    kind: 'query',
    parameters: [],
    isRecordOnly: true,
    answer: (context) => ({ KmsKeyId: ebsDefaultKmsKey.get(store, context).keyId }),
  }
}

export function modifyEbsDefaultKmsKeyId({ store }: Domain): Ec2Mutation<'ModifyEbsDefaultKmsKeyId'> {
  return {
    kind: 'mutation',
    parameters: ['KmsKeyId'],
    isRecordOnly: true,
    apply: (context, input) => {
      const keyId = readKmsKey(context, input.KmsKeyId)
      ebsDefaultKmsKey.put(store, context, { keyId })
      return { KmsKeyId: keyId }
    },
  }
}

export function resetEbsDefaultKmsKeyId({ store }: Domain): Ec2Mutation<'ResetEbsDefaultKmsKeyId'> {
  return {
    kind: 'mutation',
    parameters: [],
    isRecordOnly: true,
    apply: (context) => {
      ebsDefaultKmsKey.put(store, context, { keyId: awsManagedKey })
      return { KmsKeyId: awsManagedKey }
    },
  }
}

/** A key is named by its id, an alias or an ARN of either; EC2 answers with the ARN, and with the bare alias of its own key. */
function readKmsKey({ accountId, region }: Scope, given: string | undefined): string {
  if (!given) throw missingParameter('KmsKeyId')
  if (given === awsManagedKey) return awsManagedKey
  const isArn = /^arn:aws[\w-]*:kms:[a-z0-9-]+:\d{12}:(key\/[\w-]{1,256}|alias\/[\w/-]{1,250})$/.test(given)
  if (isArn) return given
  if (/^alias\/[\w/-]{1,250}$/.test(given)) return `arn:aws:kms:${region}:${accountId}:${given}`
  if (/^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(given)) {
    return `arn:aws:kms:${region}:${accountId}:key/${given}`
  }
  throw invalidParameterValue('kmsKeyId', given.slice(0, 80), 'Expected the id, the alias or the ARN of a KMS key.')
}
