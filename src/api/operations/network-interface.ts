import type { Domain } from '../../ec2/domain.ts'
import { assignPrivateIpAddresses, unassignPrivateIpAddresses } from '../../ec2/network-interface/assign-addresses.ts'
import { assignIpv6Addresses, unassignIpv6Addresses } from '../../ec2/network-interface/assign-ipv6.ts'
import { attachNetworkInterface, detachNetworkInterface } from '../../ec2/network-interface/attach-interface.ts'
import { createNetworkInterface, deleteNetworkInterface } from '../../ec2/network-interface/create-interface.ts'
import { describeNetworkInterfaces } from '../../ec2/network-interface/describe-interfaces.ts'
import {
  describeNetworkInterfaceAttribute,
  modifyNetworkInterfaceAttribute,
  resetNetworkInterfaceAttribute,
} from '../../ec2/network-interface/interface-attribute.ts'
import type { AnyOperation } from '../dispatch.ts'

export function networkInterfaceOperations(domain: Domain) {
  return {
    CreateNetworkInterface: createNetworkInterface(domain),
    DeleteNetworkInterface: deleteNetworkInterface(domain),
    DescribeNetworkInterfaces: describeNetworkInterfaces(domain),
    AttachNetworkInterface: attachNetworkInterface(domain),
    DetachNetworkInterface: detachNetworkInterface(domain),
    DescribeNetworkInterfaceAttribute: describeNetworkInterfaceAttribute(domain),
    ModifyNetworkInterfaceAttribute: modifyNetworkInterfaceAttribute(domain),
    ResetNetworkInterfaceAttribute: resetNetworkInterfaceAttribute(domain),
    AssignPrivateIpAddresses: assignPrivateIpAddresses(domain),
    UnassignPrivateIpAddresses: unassignPrivateIpAddresses(domain),
    AssignIpv6Addresses: assignIpv6Addresses(domain),
    UnassignIpv6Addresses: unassignIpv6Addresses(domain),
  } satisfies Record<string, AnyOperation>
}
