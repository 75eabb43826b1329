import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { chooseInterfaceGroups } from '../network-interface/choose-groups.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { Ec2Mutation } from '../operation.ts'
import { drawIpv6Addresses } from '../subnet/ipv6-plan.ts'
import {
  type ConnectEndpointRecord,
  connectEndpointTypeOf,
  connectEndpointTypes,
  findConnectEndpoint,
  isConnectEndpointThere,
  settleConnectEndpoint,
} from './connect-endpoint.ts'

const operation = 'ModifyInstanceConnectEndpoint'

/** ModifyInstanceConnectEndpoint: other security groups, or an IPv6 address or none, in force for new connections at once. */
export function modifyInstanceConnectEndpoint(domain: Domain): Ec2Mutation<'ModifyInstanceConnectEndpoint'> {
  const { store, clock, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['InstanceConnectEndpointId', 'SecurityGroupIds', 'PreserveClientIp', 'IpAddressType'],
    apply: (context, input) => {
      requireOneOf(operation, 'PreserveClientIp', input.PreserveClientIp, [false])
      requireOneOf(operation, 'IpAddressType', input.IpAddressType, connectEndpointTypes)
      const endpoint = findConnectEndpoint(store, context, input.InstanceConnectEndpointId)
      if (!isConnectEndpointThere(endpoint)) {
        throw new Ec2Error('IncorrectState', `${endpoint.id} is in the state ${endpoint.state} and cannot be modified.`)
      }
      const { SecurityGroupIds: wantedGroups = [], IpAddressType: type = connectEndpointTypeOf(endpoint) } = input
      const isOtherType = type !== connectEndpointTypeOf(endpoint)
      if (wantedGroups.length === 0 && !isOtherType) return { Return: true }
      const groupIds =
        wantedGroups.length === 0
          ? endpoint.groupIds
          : chooseInterfaceGroups(domain, context, endpoint.vpcId, wantedGroups)
      const ipv6Address = isOtherType ? otherIpv6(domain, endpoint) : endpoint.ipv6Address
      const networkInterface = store.interfaces.find(endpoint.interfaceId)
      if (networkInterface) store.interfaces.replace(withAddress({ ...networkInterface, groupIds }, ipv6Address))
      const { ipv6Address: _address, ...rest } = endpoint
      store.connectEndpoints.replace({
        ...rest,
        ...(ipv6Address === undefined ? {} : { ipv6Address }),
        groupIds,
        state: 'update-in-progress',
      })
      const settle = () => store.transaction(() => settleConnectEndpoint(store, endpoint.id, clock.now()))
      context.afterCommit(() => void networks.refresh(endpoint.vpcId).then(settle, settle))
      return { Return: true }
    },
  }
}

/** None for one that has an address, one for one that has none. Throws InvalidParameterValue in a subnet without IPv6. */
function otherIpv6(domain: Domain, { ipv6Address, subnetId }: ConnectEndpointRecord): string | undefined {
  const subnet = domain.store.subnets.find(subnetId)
  if (ipv6Address !== undefined || !subnet) return undefined
  return drawIpv6Addresses(domain, subnet, 1)[0]
}

function withAddress(
  { ipv6Addresses: _addresses, ...rest }: InterfaceRecord,
  address: string | undefined,
): InterfaceRecord {
  return { ...rest, ...(address === undefined ? {} : { ipv6Addresses: [address] }) }
}
