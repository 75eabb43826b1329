import { createHash } from 'node:crypto'
import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import type { Scope } from '../ports/store.ts'

/** EC2's name of the key that it has for every account in every region. */
export const awsManagedKey = 'alias/aws/ebs'

/** What encrypts volumes when no key is named; an alias. */
export const ebsDefaultKey = defineAccountSetting('ebs-default-kms-key', { keyId: awsManagedKey })

/** Whether every new volume and copy of a snapshot is encrypted. */
export const ebsEncryptionByDefault = defineAccountSetting('ebs-encryption-by-default', { isEnabled: false })

/** The ARN of the key with that alias: the same at all times, for its id is made of account, region and alias. */
export function kmsKeyArnOf(scope: Scope, alias: string): string {
  return `arn:aws:kms:${scope.region}:${scope.accountId}:key/${kmsKeyIdOf(scope, alias)}`
}

function kmsKeyIdOf({ accountId, region }: Scope, alias: string): string {
  const digits = createHash('sha256').update(`${accountId}/${region}/${alias}`).digest('hex')
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-')
}

/**
 * The alias of the key that a request names by its id, its alias or an ARN of either. Throws InvalidParameterValue for one that the account
 * does not have in the region: Kiln has the one of EC2 and those that the configuration names.
 */
export function findKmsKey({ settings }: Pick<Domain, 'settings'>, scope: Scope, given: string): string {
  const aliases = [awsManagedKey, ...settings.encryptionKeys]
  const arn = `arn:aws:kms:${scope.region}:${scope.accountId}:`
  const name = given.startsWith(arn) ? given.slice(arn.length).replace(/^key\//, '') : given
  const found = aliases.find((alias) => alias === name || kmsKeyIdOf(scope, alias) === name)
  if (found !== undefined) return found
  throw invalidParameterValue(
    'kmsKeyId',
    given.slice(0, 120),
    `There is no such key. Known are ${aliases.join(', ')}: encryption.keys of config.yaml names others.`,
  )
}

/** Whether it is the key that EC2 shares with nobody. */
export function isAwsManagedKey(scope: Scope, kmsKeyId: string | undefined): boolean {
  return kmsKeyId === kmsKeyArnOf(scope, awsManagedKey)
}
