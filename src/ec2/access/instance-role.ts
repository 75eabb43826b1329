import type { InstanceRecord } from '../instance/instance.ts'
import type { InstanceIdentity, InstanceRole } from '../ports/metadata.ts'
import type { SessionParent } from './identity.ts'
import type { SessionCredentials, SessionVault } from './session-vault.ts'

const hourMs = 3_600_000
/** EC2's own are good for some six hours. */
const lifeMs = 6 * hourMs
/** The name that EC2 gives to the identity role of every instance ("Instance identity roles"). */
const identityRoleName = 'aws:ec2-instance'

/**
 * What the metadata service says of an instance's role; undefined when it has none. The role has the name of the profile. The credentials
 * are the same ones for an hour and good for five more, so whoever reads them gets new ones long before they end; nothing is kept.
 */
export function describeInstanceRole(
  sessions: SessionVault,
  instance: InstanceRecord,
  now: Date,
): InstanceRole | undefined {
  const profile = instance.iamInstanceProfile
  if (!profile) return undefined
  return {
    name: profile.name,
    profileArn: profile.arn,
    profileId: profile.id,
    updatedAt: updateTimeOf(instance, now),
    credentials: () => issue(sessions, instance, profile.name, { instanceId: instance.id, profile: profile.name }, now),
  }
}

/** What says who an instance is; its credentials are renewed as those of a role. */
export function describeInstanceIdentity(
  sessions: SessionVault,
  instance: InstanceRecord,
  now: Date,
): InstanceIdentity {
  return {
    updatedAt: updateTimeOf(instance, now),
    credentials: () => issue(sessions, instance, identityRoleName, { instanceId: instance.id }, now),
  }
}

function issue(
  sessions: SessionVault,
  { id, accountId }: InstanceRecord,
  role: string,
  parent: SessionParent,
  now: Date,
): SessionCredentials {
  const hour = hourOf(now)
  const claims = {
    accountId,
    parent,
    role: { role, session: id },
    isReadOnly: false,
    expiresAt: new Date(hour + lifeMs),
  }
  return sessions.issue(claims, Buffer.from(String(hour / hourMs)))
}

function updateTimeOf({ launchTime }: InstanceRecord, now: Date): Date {
  return new Date(Math.max(hourOf(now), Date.parse(launchTime)))
}

function hourOf(now: Date): number {
  return Math.floor(now.getTime() / hourMs) * hourMs
}
