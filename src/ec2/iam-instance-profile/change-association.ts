import type { IamInstanceProfileSpecification } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, incorrectInstanceState, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import { findInstance } from '../instance/find-instance.ts'
import { readInstanceProfile } from '../instance/iam-instance-profile.ts'
import type { InstanceProfile, InstanceRecord } from '../instance/instance.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { Scope } from '../ports/store.ts'
import { associateProfile, describeAssociation, type ProfileAssociationRecord } from './association.ts'

/** AssociateIamInstanceProfile: a running or stopped instance that has no profile gets one. */
export function associateIamInstanceProfile(domain: Domain): Ec2Mutation<'AssociateIamInstanceProfile'> {
  return {
    kind: 'mutation',
    parameters: ['IamInstanceProfile', 'InstanceId'],
    apply: (context, input) => {
      const instance = findInstance(domain.store, context, input.InstanceId)
      const profile = requireProfile(context, input.IamInstanceProfile)
      if (instance.state !== 'running' && instance.state !== 'stopped') {
        throw incorrectInstanceState(instance.id, 'associated with an instance profile')
      }
      if (instance.iamInstanceProfile) {
        throw new Ec2Error('IncorrectState', `There is an existing association for instance ${instance.id}`)
      }
      const association = giveProfile(domain, context, instance, profile)
      return { IamInstanceProfileAssociation: describeAssociation(association, 'associating') }
    },
  }
}

/** ReplaceIamInstanceProfileAssociation: another profile in place of the one that an instance has; the association is a new one. */
export function replaceIamInstanceProfileAssociation(
  domain: Domain,
): Ec2Mutation<'ReplaceIamInstanceProfileAssociation'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['IamInstanceProfile', 'AssociationId'],
    apply: (context, input) => {
      const former = findAssociation(domain, context, input.AssociationId)
      const profile = requireProfile(context, input.IamInstanceProfile)
      const instance = findInstance(store, context, former.instanceId)
      store.profileAssociations.remove(former.id)
      const association = giveProfile(domain, context, instance, profile)
      return { IamInstanceProfileAssociation: describeAssociation(association, 'associating') }
    },
  }
}

export function disassociateIamInstanceProfile(domain: Domain): Ec2Mutation<'DisassociateIamInstanceProfile'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['AssociationId'],
    apply: (context, input) => {
      const association = findAssociation(domain, context, input.AssociationId)
      const { iamInstanceProfile: _profile, ...rest } = findInstance(store, context, association.instanceId)
      store.instances.replace(rest)
      store.profileAssociations.remove(association.id)
      return { IamInstanceProfileAssociation: describeAssociation(association, 'disassociating') }
    },
  }
}

function giveProfile(
  domain: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  profile: InstanceProfile,
): ProfileAssociationRecord {
  domain.store.instances.replace({ ...instance, iamInstanceProfile: profile })
  return associateProfile(domain, context, instance.id, profile)
}

function findAssociation({ store }: Domain, scope: Scope, id: string | undefined): ProfileAssociationRecord {
  return findOne('iip-assoc', id ?? '', (known) => store.profileAssociations.get(scope, known))
}

function requireProfile(scope: Scope, given: IamInstanceProfileSpecification | undefined): InstanceProfile {
  const profile = readInstanceProfile(scope, given)
  if (!profile) throw missingParameter('IamInstanceProfile.Name')
  return profile
}
