import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne, newId } from '../ids.ts'
import { chooseInterfaceGroups } from '../network-interface/choose-groups.ts'
import { draftInterface } from '../network-interface/interface-draft.ts'
import { type Ipv6Choice, noIpv6 } from '../network-interface/ipv6-choice.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import {
  type ConnectEndpointRecord,
  connectEndpointTypes,
  isConnectEndpointThere,
  settleConnectEndpoint,
} from './connect-endpoint.ts'
import { describeConnectEndpoint } from './describe-endpoints.ts'

const operation = 'CreateInstanceConnectEndpoint'
const tagType = 'instance-connect-endpoint'
const oneIpv6: Ipv6Choice = { addresses: [], count: 1, isPrimary: false }

/** CreateInstanceConnectEndpoint. The client's own address is not kept: it is one of the host's loopback. */
export function createInstanceConnectEndpoint(domain: Domain): Ec2Mutation<'CreateInstanceConnectEndpoint'> {
  const { store, random, clock, networks, settings } = domain
  return {
    kind: 'mutation',
    parameters: [
      'SubnetId',
      'SecurityGroupIds',
      'PreserveClientIp',
      'IpAddressType',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      requireOneOf(operation, 'PreserveClientIp', input.PreserveClientIp, [false])
      requireOneOf(operation, 'IpAddressType', input.IpAddressType, connectEndpointTypes)
      if (!input.SubnetId) throw missingParameter('subnetId')
      const subnet = findOne('subnet', input.SubnetId, (id) => store.subnets.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, [tagType]).get(tagType) ?? []
      const groupIds = chooseInterfaceGroups(domain, context, subnet.vpcId, input.SecurityGroupIds)
      const present = store.connectEndpoints.listBy('vpcId', subnet.vpcId).filter(isConnectEndpointThere).length
      // EC2's list of error codes has none for this quota, but this one for resources that it says nothing else of.
      requireQuota(settings.quotas, 'connectEndpointsPerVpc', { present, code: 'ResourceLimitExceeded' })
      const id = newId('eice', random)
      const drafted = draftInterface(domain, subnet, {
        addresses: { secondary: [], secondaryCount: 0 },
        groupIds,
        // By default what the subnet is. Throws InvalidParameterValue where it has no IPv6.
        ipv6: (input.IpAddressType ?? (subnet.ipv6 ? 'dualstack' : 'ipv4')) === 'dualstack' ? oneIpv6 : noIpv6,
        description: `EC2 Instance Connect Endpoint ${id}`,
      })
      const [ipv6Address] = drafted.ipv6Addresses ?? []
      const endpoint: ConnectEndpointRecord = {
        accountId: subnet.accountId,
        region: subnet.region,
        id,
        vpcId: subnet.vpcId,
        subnetId: subnet.id,
        state: 'create-in-progress',
        interfaceId: drafted.id,
        privateIp: drafted.privateIp,
        ...(ipv6Address === undefined ? {} : { ipv6Address }),
        groupIds,
        createTime: context.now.toISOString(),
      }
      store.interfaces.insert({ ...drafted, connectEndpointId: id })
      store.connectEndpoints.insert(endpoint)
      putTags(store, context, id, tagType, tags)
      const settle = () => store.transaction(() => settleConnectEndpoint(store, id, clock.now()))
      context.afterCommit(() => void networks.refresh(subnet.vpcId).then(settle, settle))
      return {
        InstanceConnectEndpoint: describeConnectEndpoint(store, endpoint),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}
