import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { chooseInterfaceGroups } from './choose-groups.ts'
import { describeNetworkInterface } from './describe-interfaces.ts'
import { draftInterface, readAddresses } from './interface-draft.ts'
import { countIpv6, readIpv6, requireIpv6RoomSomewhere } from './ipv6-choice.ts'
import { requireUsersOwn } from './network-interface.ts'
import { removeInterface } from './remove-interface.ts'

const operation = 'CreateNetworkInterface'

/** CreateNetworkInterface: it keeps its MAC and its addresses, whatever instance it is attached to. */
export function createNetworkInterface(domain: Domain): Ec2Mutation<'CreateNetworkInterface'> {
  const { store, settings } = domain
  return {
    kind: 'mutation',
    parameters: [
      'SubnetId',
      'Description',
      'Groups',
      'PrivateIpAddress',
      'PrivateIpAddresses',
      'SecondaryPrivateIpAddressCount',
      'InterfaceType',
      'Ipv6AddressCount',
      'Ipv6Addresses',
      'EnablePrimaryIpv6',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      requireOneOf(operation, 'InterfaceType', input.InterfaceType, ['interface'])
      const ipv6 = readIpv6(input, input.EnablePrimaryIpv6)
      if (!input.SubnetId) throw missingParameter('subnetId')
      const subnet = findOne('subnet', input.SubnetId, (id) => store.subnets.get(context, id))
      requireIpv6RoomSomewhere(domain.instanceTypes, countIpv6(subnet, ipv6))
      const tags = readTagSpecifications(input.TagSpecifications, ['network-interface']).get('network-interface') ?? []
      requireQuota(settings.quotas, 'networkInterfaces', {
        present: store.interfaces.count(context),
        code: 'NetworkInterfaceLimitExceeded',
      })
      const record = draftInterface(domain, subnet, {
        addresses: readAddresses(input),
        groupIds: chooseInterfaceGroups(domain, context, subnet.vpcId, input.Groups),
        description: input.Description,
        ipv6,
      })
      store.interfaces.insert(record)
      putTags(store, context, record.id, 'network-interface', tags)
      return {
        NetworkInterface: describeNetworkInterface(store, record),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}

/** DeleteNetworkInterface: it must have been detached. */
export function deleteNetworkInterface({ store }: Domain): Ec2Mutation<'DeleteNetworkInterface'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      if (record.attachment) {
        throw new Ec2Error('InvalidParameterValue', `Network interface '${record.id}' is currently in use.`)
      }
      removeInterface(store, record)
      return {}
    },
  }
}
