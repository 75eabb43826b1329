import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { StatePaths } from '../../host/state-paths.ts'
import { chainOf } from '../layer/layer-chain.ts'
import type { Store } from '../ports/store.ts'

/**
 * How a volume or a snapshot is encrypted; both are absent when it is not. Each volume has a key of its own in the keyring, which its
 * snapshots keep; the KMS key is the name under which EC2 tells of it.
 */
export interface Encryption {
  readonly encryptionKeyId?: string
  /** An ARN. */
  readonly kmsKeyId?: string
}

/** The encryption of one thing for another, to be spread into it. */
export function encryptionOf({ encryptionKeyId, kmsKeyId }: Encryption): Encryption {
  return {
    ...(encryptionKeyId === undefined ? {} : { encryptionKeyId }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
  }
}

/** What a Describe tells of it. */
export function describeEncryption({ encryptionKeyId, kmsKeyId }: Encryption): {
  Encrypted: boolean
  KmsKeyId?: string
} {
  return { Encrypted: encryptionKeyId !== undefined, ...(kmsKeyId === undefined ? {} : { KmsKeyId: kmsKeyId }) }
}

/** Where a key lies. */
export function keyPathOf(paths: StatePaths, keyId: string): string {
  return join(paths.keyring, keyId)
}

/** The keys of a layer and of all that it stands on. */
export function keysOfChain(store: Store, layerId: string | undefined): string[] {
  return [...new Set(chainOf(store, layerId).flatMap(({ encryptionKeyId }) => encryptionKeyId ?? []))]
}

/**
 * Deletes the key of a volume or layer whose files are gone and whose record is about to go, unless another has it too: whatever of the
 * files is left on the disk below can never be read again.
 */
export async function releaseKey(
  { store, paths }: { store: Store; paths: StatePaths },
  { id, encryptionKeyId }: { readonly id: string; readonly encryptionKeyId?: string },
): Promise<void> {
  if (encryptionKeyId === undefined) return
  const users = [
    ...store.volumes.listBy('encryptionKeyId', encryptionKeyId),
    ...store.layers.listBy('encryptionKeyId', encryptionKeyId),
  ]
  if (users.every((user) => user.id === id)) await fsExtra.remove(keyPathOf(paths, encryptionKeyId))
}
