import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { Encryption } from './encryption.ts'
import { ebsDefaultKey, ebsEncryptionByDefault, findKmsKey, kmsKeyArnOf } from './kms-key.ts'

/** What a request says of the encryption of a volume or of a copy. */
interface AskedEncryption {
  readonly Encrypted?: boolean | undefined
  readonly KmsKeyId?: string | undefined
}

/**
 * The KMS key, as an ARN, of something new: undefined when it is not to be encrypted. What is made of an encrypted snapshot is encrypted,
 * and so is everything while encryption by default is enabled. Throws InvalidParameterDependency, InvalidParameterValue.
 */
export function chooseKmsKey(
  domain: Domain,
  scope: Scope,
  asked: AskedEncryption,
  snapshot: SnapshotRecord | undefined,
): string | undefined {
  const { store } = domain
  const isOfEncrypted = snapshot?.encryptionKeyId !== undefined
  if (asked.Encrypted === false && isOfEncrypted) {
    throw invalidParameterValue('encrypted', false, `${snapshot.id} is encrypted, and so is what is made of it.`)
  }
  if (!asked.Encrypted && !isOfEncrypted && !ebsEncryptionByDefault.get(store, scope).isEnabled) {
    if (asked.KmsKeyId === undefined) return undefined
    throw new Ec2Error(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  }
  if (asked.KmsKeyId !== undefined) return kmsKeyArnOf(scope, findKmsKey(domain, scope, asked.KmsKeyId))
  const isOwn = snapshot?.accountId === scope.accountId && snapshot.region === scope.region
  if (isOwn && snapshot.kmsKeyId !== undefined) return snapshot.kmsKeyId
  return kmsKeyArnOf(scope, ebsDefaultKey.get(store, scope).keyId)
}

/** The KMS key of what is made without asking for one: undefined unless encryption by default is enabled. */
export function defaultKmsKey(store: Store, scope: Scope): string | undefined {
  if (!ebsEncryptionByDefault.get(store, scope).isEnabled) return undefined
  return kmsKeyArnOf(scope, ebsDefaultKey.get(store, scope).keyId)
}

/** A key of its own for something that is encrypted under a KMS key. */
export function newEncryption({ random }: Pick<Domain, 'random'>, kmsKeyId: string | undefined): Encryption {
  return kmsKeyId === undefined ? {} : { kmsKeyId, encryptionKeyId: newId('datakey', random) }
}
