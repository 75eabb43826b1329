import { Ec2Error } from '../errors.ts'
import type { Scope } from '../ports/store.ts'
import type { SharingChange } from '../sharing.ts'
import type { Encryption } from './encryption.ts'
import { isAwsManagedKey } from './kms-key.ts'

/** Throws OperationNotPermitted, as EC2 does, when what is encrypted is to be public, or under EC2's own key and to be another account's. */
export function requireShareable(scope: Scope, { added }: SharingChange, snapshots: readonly Encryption[]): void {
  if (!added.hasAll && added.accountIds.length === 0) return
  const encrypted = snapshots.filter(({ encryptionKeyId }) => encryptionKeyId !== undefined)
  if (added.hasAll && encrypted.length > 0) {
    throw new Ec2Error('OperationNotPermitted', 'Encrypted snapshots cannot be made public')
  }
  if (encrypted.some(({ kmsKeyId }) => isAwsManagedKey(scope, kmsKeyId))) {
    throw new Ec2Error('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared')
  }
}
