import type { InstanceRecord } from '../instance/instance.ts'
import type { InstanceRole } from '../ports/metadata.ts'
import type { SessionVault } from './session-vault.ts'

const hourMs = 3_600_000
/** EC2's own are good for some six hours. */
const lifeMs = 6 * hourMs

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
  const hour = Math.floor(now.getTime() / hourMs) * hourMs
  const credentials = sessions.issue(
    {
      accountId: instance.accountId,
      parent: { instanceId: instance.id, profile: profile.name },
      role: { role: profile.name, session: instance.id },
      isReadOnly: false,
      expiresAt: new Date(hour + lifeMs),
    },
    Buffer.from(String(hour / hourMs)),
  )
  const updatedAt = new Date(Math.max(hour, Date.parse(instance.launchTime)))
  return { name: profile.name, profileArn: profile.arn, profileId: profile.id, updatedAt, credentials }
}
