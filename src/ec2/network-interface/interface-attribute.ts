import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers } from '../honoured.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { chooseInterfaceGroups } from './choose-groups.ts'
import { withPrimaryIpv6 } from './ipv6-choice.ts'
import { requireUsersOwn, statusOf } from './network-interface.ts'
import { describeAttachment, describeNetworkInterface } from './describe-interfaces.ts'

export function describeNetworkInterfaceAttribute({ store }: Domain): Ec2Query<'DescribeNetworkInterfaceAttribute'> {
  return {
    kind: 'query',
    parameters: ['NetworkInterfaceId', 'Attribute'],
    answer: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      const base = { NetworkInterfaceId: record.id }
      switch (input.Attribute) {
        case 'description':
          return { ...base, Description: { Value: record.description } }
        case 'groupSet':
          return { ...base, Groups: describeNetworkInterface(store, record).Groups }
        case 'sourceDestCheck':
          return { ...base, SourceDestCheck: { Value: record.hasSourceDestCheck } }
        case 'attachment':
          return { ...base, ...(statusOf(record) === 'in-use' ? { Attachment: describeAttachment(record) } : {}) }
        case 'associatePublicIpAddress':
          return { ...base, AssociatePublicIpAddress: record.wantsPublicIp }
        default:
          throw unsupportedOperation(`The interface attribute ${String(input.Attribute)} is not supported by Kiln.`)
      }
    },
  }
}

/** ModifyNetworkInterfaceAttribute: exactly one attribute a call, in effect at once. */
export function modifyNetworkInterfaceAttribute(domain: Domain): Ec2Mutation<'ModifyNetworkInterfaceAttribute'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'Description', 'Groups', 'SourceDestCheck', 'Attachment', 'EnablePrimaryIpv6'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      const { Description: description, Groups: groups, SourceDestCheck: check, Attachment: attachment } = input
      const { EnablePrimaryIpv6: wantsPrimary } = input
      const values = [description?.Value, groups?.length ? groups : undefined, check?.Value, attachment, wantsPrimary]
      const given = values.filter((value) => value !== undefined)
      if (given.length === 0) throw invalidParameterCombination('No attributes specified.')
      if (given.length > 1) throw invalidParameterCombination('Fields for multiple attribute types specified')
      if (description?.Value !== undefined) {
        if (description.Value.length > 255) {
          throw invalidParameterValue('description', `${description.Value.slice(0, 80)}…`, 'At most 255 characters.')
        }
        store.interfaces.replace({ ...record, description: description.Value })
      } else if (groups?.length) {
        const groupIds = chooseInterfaceGroups(domain, context, record.vpcId, groups)
        store.interfaces.replace({ ...record, groupIds })
      } else if (check?.Value !== undefined) {
        store.interfaces.replace({ ...record, hasSourceDestCheck: check.Value })
      } else if (wantsPrimary !== undefined) {
        if (wantsPrimary) store.interfaces.replace(withPrimaryIpv6(record))
        else if (record.hasPrimaryIpv6) {
          throw invalidParameterValue(
            'EnablePrimaryIpv6',
            false,
            `${record.id} has a primary IPv6 address, which stays.`,
          )
        }
      } else {
        refuseOtherMembers('ModifyNetworkInterfaceAttribute', 'Attachment', attachment, [
          'AttachmentId',
          'DeleteOnTermination',
        ])
        if (!record.attachment || record.attachment.id !== attachment?.AttachmentId) {
          throw new Ec2Error(
            'InvalidAttachmentID.NotFound',
            `The attachment '${String(attachment?.AttachmentId).slice(0, 80)}' is not one of ${record.id}`,
          )
        }
        const deleteOnTermination = attachment.DeleteOnTermination ?? record.attachment.deleteOnTermination
        store.interfaces.replace({ ...record, attachment: { ...record.attachment, deleteOnTermination } })
      }
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return {}
    },
  }
}

/** ResetNetworkInterfaceAttribute: the source/destination check is on again. */
export function resetNetworkInterfaceAttribute({
  store,
  networks,
}: Domain): Ec2Mutation<'ResetNetworkInterfaceAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'SourceDestCheck'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      store.interfaces.replace({ ...record, hasSourceDestCheck: true })
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return {}
    },
  }
}
