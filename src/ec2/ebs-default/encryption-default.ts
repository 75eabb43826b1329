import type { Domain } from '../domain.ts'
import { awsManagedKey, ebsDefaultKey, ebsEncryptionByDefault, findKmsKey, kmsKeyArnOf } from '../encryption/kms-key.ts'
import { missingParameter } from '../errors.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope } from '../ports/store.ts'

/** Whether new volumes and copies of snapshots of the account in the region are encrypted, whatever is asked for. */
export function getEbsEncryptionByDefault({ store }: Domain): Ec2Query<'GetEbsEncryptionByDefault'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => {
      const { isEnabled } = ebsEncryptionByDefault.get(store, context)
      return { EbsEncryptionByDefault: isEnabled, SseType: isEnabled ? 'sse-kms' : 'none' }
    },
  }
}

export function enableEbsEncryptionByDefault({ store }: Domain): Ec2Mutation<'EnableEbsEncryptionByDefault'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      ebsEncryptionByDefault.put(store, context, { isEnabled: true })
      return { EbsEncryptionByDefault: true }
    },
  }
}

/** DisableEbsEncryptionByDefault: what is encrypted stays so. */
export function disableEbsEncryptionByDefault({ store }: Domain): Ec2Mutation<'DisableEbsEncryptionByDefault'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      ebsEncryptionByDefault.put(store, context, { isEnabled: false })
      return { EbsEncryptionByDefault: false }
    },
  }
}

export function getEbsDefaultKmsKeyId({ store }: Domain): Ec2Query<'GetEbsDefaultKmsKeyId'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => ({ KmsKeyId: tellKey(context, ebsDefaultKey.get(store, context).keyId) }),
  }
}

export function modifyEbsDefaultKmsKeyId(domain: Domain): Ec2Mutation<'ModifyEbsDefaultKmsKeyId'> {
  return {
    kind: 'mutation',
    parameters: ['KmsKeyId'],
    apply: (context, input) => {
      if (!input.KmsKeyId) throw missingParameter('KmsKeyId')
      const keyId = findKmsKey(domain, context, input.KmsKeyId)
      ebsDefaultKey.put(domain.store, context, { keyId })
      return { KmsKeyId: tellKey(context, keyId) }
    },
  }
}

export function resetEbsDefaultKmsKeyId({ store }: Domain): Ec2Mutation<'ResetEbsDefaultKmsKeyId'> {
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      ebsDefaultKey.put(store, context, { keyId: awsManagedKey })
      return { KmsKeyId: awsManagedKey }
    },
  }
}

/** EC2 tells its own key by the bare alias, others by their ARN. */
function tellKey(scope: Scope, alias: string): string {
  return alias === awsManagedKey ? awsManagedKey : kmsKeyArnOf(scope, alias)
}
