import type { IamInstanceProfileAssociation } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { InstanceProfile, InstanceRecord } from '../instance/instance.ts'
import type { MutationContext } from '../operation.ts'
import type { ResourceRecord, Store } from '../ports/store.ts'

/** That an instance has an instance profile; it has one at most, which its own record tells too. */
export interface ProfileAssociationRecord extends ResourceRecord {
  readonly instanceId: string
  readonly profile: InstanceProfile
  readonly associatedAt: string
}

/** Records that an instance has a profile, besides in the record of the instance. */
export function associateProfile(
  { store, random }: Domain,
  context: MutationContext,
  instanceId: string,
  profile: InstanceProfile,
): ProfileAssociationRecord {
  const { accountId, region } = context
  const association: ProfileAssociationRecord = {
    accountId,
    region,
    id: newId('iip-assoc', random),
    instanceId,
    profile,
    associatedAt: context.now.toISOString(),
  }
  store.profileAssociations.insert(association)
  return association
}

/** An instance that has ended has no profile. */
export function removeAssociation(store: Store, { id: instanceId }: InstanceRecord): void {
  for (const { id } of store.profileAssociations.listBy('instanceId', instanceId)) store.profileAssociations.remove(id)
}

/** An association in EC2's shape. */
export function describeAssociation(
  { id, instanceId, profile, associatedAt }: ProfileAssociationRecord,
  state: NonNullable<IamInstanceProfileAssociation['State']>,
): IamInstanceProfileAssociation {
  return {
    AssociationId: id,
    InstanceId: instanceId,
    IamInstanceProfile: { Arn: profile.arn, Id: profile.id },
    State: state,
    Timestamp: new Date(associatedAt),
  }
}
