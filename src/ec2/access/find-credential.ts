import type { Store } from '../ports/store.ts'
import { assumedRoleOf, type CallerIdentity, ownerOf } from './identity.ts'
import type { SessionClaims, SessionVault } from './session-vault.ts'

/** What stands behind the id of an access key. */
export interface Credential {
  readonly accountId: string
  readonly secret: string
  readonly identity: CallerIdentity
  /** It was good once. */
  readonly isExpired: boolean
}

/**
 * The credential that a request names by its key's id and, when it is a temporary one, its session token. Undefined for what does not
 * exist, has been disabled, or has ended with what it was got with.
 */
export function findCredential(
  { store, sessions }: { readonly store: Store; readonly sessions: SessionVault },
  accessKeyId: string,
  sessionToken: string | undefined,
  now: Date,
): Credential | undefined {
  if (sessionToken === undefined) return findLongLived(store, accessKeyId)
  const session = sessions.open(accessKeyId, sessionToken)
  if (!session || !isParentInForce(store, session.claims)) return undefined
  const { accountId, parent, role, isReadOnly, expiresAt } = session.claims
  return {
    accountId,
    secret: session.secretAccessKey,
    identity: {
      ...(role ? { ...assumedRoleOf(accountId, role), isRole: true } : ownerOf(accountId)),
      accessKeyId,
      parent,
      isTemporary: true,
      ...(isReadOnly ? { isReadOnly } : {}),
      ...('instanceId' in parent && parent.profile === undefined ? { isIdentityOnly: true } : {}),
    },
    isExpired: expiresAt.getTime() <= now.getTime(),
  }
}

function findLongLived(store: Store, accessKeyId: string): Credential | undefined {
  const key = store.accessKeys.find(accessKeyId)
  if (!key?.isEnabled) return undefined
  const { accountId, secret, isReadOnly } = key
  return {
    accountId,
    secret,
    identity: { ...ownerOf(accountId), accessKeyId, parent: { accessKeyId }, ...(isReadOnly ? { isReadOnly } : {}) },
    isExpired: false,
  }
}

/** Temporary credentials end when their key is disabled or deleted, an instance's when it is terminated or has another role. */
function isParentInForce(store: Store, { parent }: SessionClaims): boolean {
  if ('accessKeyId' in parent) return store.accessKeys.find(parent.accessKeyId)?.isEnabled === true
  const instance = store.instances.find(parent.instanceId)
  if (instance === undefined || instance.state === 'terminated') return false
  return parent.profile === undefined || instance.iamInstanceProfile?.name === parent.profile
}
