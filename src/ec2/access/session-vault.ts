import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { base32Of } from './base32.ts'
import type { RoleSession, SessionParent } from './identity.ts'

/** What temporary credentials say of themselves. */
export interface SessionClaims {
  readonly accountId: string
  readonly parent: SessionParent
  /** Absent: they stand for the account's owner. */
  readonly role?: RoleSession
  readonly isReadOnly: boolean
  readonly expiresAt: Date
}

/** Temporary credentials as they are given out. */
export interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiresAt: Date
}

/** Issues temporary credentials and knows them again. It keeps none: a session token proves itself, and its secret follows from it. */
export interface SessionVault {
  /** The same claims and nonce give the same credentials. */
  issue(claims: SessionClaims, nonce: Buffer): SessionCredentials
  /** Undefined for a token that was not issued here, or that belongs to another key. Whether it has expired is the caller's to see. */
  open(accessKeyId: string, sessionToken: string): { claims: SessionClaims; secretAccessKey: string } | undefined
}

const proofBytes = 32
const secretBytes = 30
/** Longer than any that is issued. */
const maximumTokenLength = 4096

/** The claims as they stand in a token: the parent is `k`, or `i` and perhaps `p`; `e` is seconds since 1970, `n` makes it differ from others. */
const contentSchema = z.strictObject({
  a: z.string(),
  k: z.string().optional(),
  i: z.string().optional(),
  p: z.string().optional(),
  r: z.string().optional(),
  s: z.string().optional(),
  o: z.boolean().optional(),
  e: z.number(),
  n: z.string(),
})

/** `secret` is kept by the caller, so that credentials outlive the daemon. */
export function createSessionVault(secret: Buffer): SessionVault {
  function derive(purpose: string, content: Buffer): Buffer {
    return createHmac('sha256', secret).update(`${purpose}\0`).update(content).digest()
  }
  const accessKeyIdOf = (content: Buffer) => `ASIA${base32Of(derive('id', content), 16)}`
  const secretOf = (content: Buffer) => derive('secret', content).subarray(0, secretBytes).toString('base64')

  return {
    issue: (claims, nonce) => {
      const content = Buffer.from(JSON.stringify(writeClaims(claims, nonce)))
      return {
        accessKeyId: accessKeyIdOf(content),
        secretAccessKey: secretOf(content),
        sessionToken: Buffer.concat([derive('proof', content), content]).toString('base64'),
        expiresAt: claims.expiresAt,
      }
    },
    open: (accessKeyId, sessionToken) => {
      if (sessionToken.length > maximumTokenLength) return undefined
      const bytes = Buffer.from(sessionToken, 'base64')
      const content = bytes.subarray(proofBytes)
      if (bytes.length <= proofBytes || !timingSafeEqual(bytes.subarray(0, proofBytes), derive('proof', content))) {
        return undefined
      }
      if (accessKeyIdOf(content) !== accessKeyId) return undefined
      return { claims: readClaims(content.toString()), secretAccessKey: secretOf(content) }
    },
  }
}

function writeClaims({ accountId, parent, role, isReadOnly, expiresAt }: SessionClaims, nonce: Buffer) {
  return {
    a: accountId,
    ...('accessKeyId' in parent ? { k: parent.accessKeyId } : writeInstance(parent)),
    ...(role ? { r: role.role, s: role.session } : {}),
    ...(isReadOnly ? { o: true } : {}),
    e: Math.floor(expiresAt.getTime() / 1000),
    n: nonce.toString('base64url'),
  } satisfies z.infer<typeof contentSchema>
}

function writeInstance({ instanceId, profile }: Exclude<SessionParent, { accessKeyId: string }>) {
  return { i: instanceId, ...(profile === undefined ? {} : { p: profile }) }
}

function readClaims(text: string): SessionClaims {
  const { a, k, i = '', p, r, s, o, e } = contentSchema.parse(JSON.parse(text))
  const instance = { instanceId: i, ...(p === undefined ? {} : { profile: p }) }
  return {
    accountId: a,
    parent: k === undefined ? instance : { accessKeyId: k },
    ...(r !== undefined && s !== undefined ? { role: { role: r, session: s } } : {}),
    isReadOnly: o ?? false,
    expiresAt: new Date(e * 1000),
  }
}
