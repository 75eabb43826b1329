import type {
  AssumeRoleRequest,
  AssumeRoleResponse,
  Credentials,
  GetCallerIdentityResponse,
  GetSessionTokenRequest,
  GetSessionTokenResponse,
} from '@aws-sdk/client-sts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { CallContext, Query } from '../operation.ts'
import { assumedRoleOf, type CallerIdentity, type SessionParent } from './identity.ts'
import type { SessionClaims } from './session-vault.ts'

const sessionTokenDuration = { least: 900, most: 129_600, usual: 43_200 }
const assumeRoleDuration = { least: 900, most: 43_200, usual: 3600 }
/** Of a role that is assumed by another role. */
const longestChainedSeconds = 3600
const nonceBytes = 12

/** STS GetCallerIdentity: an access key stands for its account's owner, a role's credentials for that role. */
export function getCallerIdentity(): Query<Record<string, never>, GetCallerIdentityResponse> {
  return {
    kind: 'query',
    parameters: [],
    answer: ({ accountId, identity }) => ({ UserId: identity.userId, Account: accountId, Arn: identity.arn }),
  }
}

/** STS GetSessionToken: temporary credentials that may do what the key may, and end with it. */
export function getSessionToken(domain: Domain): Query<GetSessionTokenRequest, GetSessionTokenResponse> {
  return {
    kind: 'query',
    parameters: ['DurationSeconds'],
    isAudited: true,
    answer: (context, input) => {
      const { identity } = context
      if (identity.isTemporary) throw accessDenied('Cannot call GetSessionToken with session credentials')
      const seconds = readDuration(input.DurationSeconds, sessionTokenDuration)
      return { Credentials: issue(domain, context, seconds) }
    },
  }
}

/** STS AssumeRole: Kiln keeps no list of roles, any of the caller's own account may be assumed. */
export function assumeRole(domain: Domain): Query<AssumeRoleRequest, AssumeRoleResponse> {
  return {
    kind: 'query',
    // No role asks for an external id: then AWS, too, takes any.
    parameters: ['RoleArn', 'RoleSessionName', 'DurationSeconds', 'ExternalId'],
    isAudited: true,
    answer: (context, input) => {
      const seconds = readDuration(input.DurationSeconds, assumeRoleDuration)
      const session = readText('roleSessionName', input.RoleSessionName, /^[\w+=,.@-]{2,64}$/)
      if (input.ExternalId !== undefined) readText('externalId', input.ExternalId, /^[\w+=,.@:/-]{2,1224}$/)
      const role = readRole(context, readText('roleArn', input.RoleArn, /^[\t\n\r\x20-\x7e\xa0-\u{10ffff}]{20,2048}$/u))
      if (context.identity.isRole && seconds > longestChainedSeconds) {
        throw validationError(
          'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
        )
      }
      const { arn, userId } = assumedRoleOf(context.accountId, { role, session })
      return {
        Credentials: issue(domain, context, seconds, { role, session }),
        AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
      }
    },
  }
}

function issue(
  { sessions, random }: Domain,
  { accountId, identity, now }: CallContext,
  seconds: number,
  role?: SessionClaims['role'],
): Credentials {
  const credentials = sessions.issue(
    {
      accountId,
      parent: requireParent(identity),
      ...(role ? { role } : {}),
      isReadOnly: identity.isReadOnly ?? false,
      expiresAt: new Date(Math.floor(now.getTime() / 1000 + seconds) * 1000),
    },
    random.bytes(nonceBytes),
  )
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: credentials.expiresAt,
  }
}

/** The socket has no key that temporary credentials could end with, and none of its callers needs any. */
function requireParent({ parent }: CallerIdentity): SessionParent {
  if (parent) return parent
  throw accessDenied('Temporary credentials are got with an access key')
}

/** The name of the role that an ARN of the caller's account means, without its path. */
function readRole({ accountId, identity }: CallContext, arn: string): string {
  const [, owner, role] = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:[\x21-\x7e]*\/)?([\w+=,.@-]{1,64})$/.exec(arn) ?? []
  if (owner === undefined || role === undefined) throw validationError(`${arn.slice(0, 200)} is invalid`)
  if (owner === accountId) return role
  throw accessDenied(`User: ${identity.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`)
}

function readDuration(given: number | undefined, limits: { least: number; most: number; usual: number }): number {
  const { least, most, usual } = limits
  const seconds = given ?? usual
  if (seconds < least) throw constraintError('durationSeconds', seconds, `have value greater than or equal to ${least}`)
  if (seconds > most) throw constraintError('durationSeconds', seconds, `have value less than or equal to ${most}`)
  return seconds
}

function readText(member: string, value: string | undefined, pattern: RegExp): string {
  if (value === undefined) throw constraintError(member, 'null', 'not be null')
  if (pattern.test(value)) return value
  throw constraintError(member, value.slice(0, 200), `satisfy regular expression pattern: ${pattern.source}`)
}

function constraintError(member: string, value: unknown, constraint: string): Ec2Error {
  const quoted = value === 'null' ? 'null' : `'${String(value)}'`
  return validationError(
    `1 validation error detected: Value ${quoted} at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  )
}

function validationError(message: string): Ec2Error {
  return new Ec2Error('ValidationError', message)
}

function accessDenied(message: string): Ec2Error {
  return new Ec2Error('AccessDenied', message, 403)
}
