import { createHash } from 'node:crypto'
import { base32Of } from './base32.ts'

/**
 * What temporary credentials end with: the access key that they were got with, or the instance that has the profile of their role. Those
 * of an instance without a profile say who the instance is, and allow nothing.
 */
export type SessionParent =
  | { readonly accessKeyId: string }
  | { readonly instanceId: string; readonly profile?: string }

/** Who a call is made as, in IAM's words. */
export interface CallerIdentity {
  readonly arn: string
  /** What STS calls the user id: the account's number, or `AROA…:SESSION`. */
  readonly userId: string
  /** The key that signed the call; absent on the socket, whose file permissions stand for it. */
  readonly accessKeyId?: string
  /** What credentials that this caller gets end with; absent on the socket. */
  readonly parent?: SessionParent
  /** Set where the key is a temporary one. */
  readonly isTemporary?: true
  /** Set where the key was got by AssumeRole or from the metadata service. */
  readonly isRole?: true
  /** Set where it may change nothing. */
  readonly isReadOnly?: true
  /** Set where it may do nothing but ask who it is. */
  readonly isIdentityOnly?: true
}

/** A role as one session has it. */
export interface RoleSession {
  readonly role: string
  readonly session: string
}

/** The account's owner: whom the socket and every access key stand for. */
export function ownerOf(accountId: string): Pick<CallerIdentity, 'arn' | 'userId'> {
  return { arn: `arn:aws:iam::${accountId}:root`, userId: accountId }
}

/** Whom a role's credentials stand for. */
export function assumedRoleOf(
  accountId: string,
  { role, session }: RoleSession,
): Pick<CallerIdentity, 'arn' | 'userId'> {
  return {
    arn: `arn:aws:sts::${accountId}:assumed-role/${role}/${session}`,
    userId: `${roleIdOf(accountId, role)}:${session}`,
  }
}

/** A role's id follows from its name: Kiln keeps no list of roles. */
function roleIdOf(accountId: string, role: string): string {
  return `AROA${base32Of(createHash('sha256').update(`${accountId}/${role}`).digest(), 17)}`
}
