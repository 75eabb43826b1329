import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeNetworkAcl } from './describe-acls.ts'
import { associationsOf, findNetworkAcl } from './network-acl.ts'

/** CreateNetworkAcl: it lets nothing pass until entries say otherwise. */
export function createNetworkAcl({ store, random, settings }: Domain): Ec2Mutation<'CreateNetworkAcl'> {
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, ['network-acl']).get('network-acl') ?? []
      const present = store.networkAcls.countBy('vpcId', vpc.id)
      requireQuota(settings.quotas, 'networkAclsPerVpc', { present, code: 'NetworkAclLimitExceeded' })
      const { accountId, region } = context
      const id = newId('acl', random)
      const acl = { accountId, region, id, vpcId: vpc.id, isDefault: false, entries: [], associations: [] }
      store.networkAcls.insert(acl)
      putTags(store, context, id, 'network-acl', tags)
      return { NetworkAcl: describeNetworkAcl(store, acl), ClientToken: input.ClientToken }
    },
  }
}

/** DeleteNetworkAcl: the default one goes with its VPC, another one when no subnet has it. */
export function deleteNetworkAcl({ store }: Domain): Ec2Mutation<'DeleteNetworkAcl'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkAclId'],
    apply: (context, input) => {
      const acl = findNetworkAcl(store, context, input.NetworkAclId)
      if (acl.isDefault) throw new Ec2Error('InvalidParameterValue', `cannot delete default network ACL ${acl.id}`)
      if (associationsOf(store, acl).length > 0) {
        throw dependencyViolation(`The networkAcl '${acl.id}' has dependencies and cannot be deleted.`)
      }
      store.networkAcls.remove(acl.id)
      store.tags.removeAll(acl.id)
      return {}
    },
  }
}

/** ReplaceNetworkAclAssociation: the subnet has the other ACL from now on, by an association with an id of its own. */
export function replaceNetworkAclAssociation({
  store,
  random,
  networks,
}: Domain): Ec2Mutation<'ReplaceNetworkAclAssociation'> {
  return {
    kind: 'mutation',
    parameters: ['AssociationId', 'NetworkAclId'],
    apply: (context, input) => {
      const acls = store.networkAcls.list(context)
      const held = findOne('aclassoc', input.AssociationId ?? '', (id) =>
        acls.flatMap((acl) => associationsOf(store, acl)).find((association) => association.id === id),
      )
      const next = findNetworkAcl(store, context, input.NetworkAclId)
      if (store.subnets.find(held.subnetId)?.vpcId !== next.vpcId) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `networkAcl ${next.id} and subnet ${held.subnetId} belong to different networks`,
        )
      }
      const association = { id: newId('aclassoc', random), subnetId: held.subnetId }
      for (const acl of acls.filter(({ vpcId }) => vpcId === next.vpcId)) {
        const others = acl.associations.filter(({ subnetId }) => subnetId !== held.subnetId)
        const associations = acl.id === next.id ? [...others, association] : others
        if (associations.length !== acl.associations.length || acl.id === next.id) {
          store.networkAcls.replace({ ...acl, associations })
        }
      }
      context.afterCommit(() => networks.refreshSoon(next.vpcId))
      return { NewAssociationId: association.id }
    },
  }
}
