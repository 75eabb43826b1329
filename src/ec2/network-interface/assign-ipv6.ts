import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { drawIpv6Addresses } from '../subnet/ipv6-plan.ts'
import { typeOfHolder } from './attachment.ts'
import {
  recordedIpv6,
  requireIpv6Room,
  requireIpv6RoomSomewhere,
  requireOneWay,
  takeChosenIpv6,
} from './ipv6-choice.ts'
import { type InterfaceRecord, requireUsersOwn } from './network-interface.ts'

/** AssignIpv6Addresses: routed to the interface at once; the guest has to take them up itself, as on EC2. */
export function assignIpv6Addresses(domain: Domain): Ec2Mutation<'AssignIpv6Addresses'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'Ipv6Addresses', 'Ipv6AddressCount'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      const subnet = findOne('subnet', record.subnetId, (id) => store.subnets.get(context, id))
      const { Ipv6Addresses: listed = [], Ipv6AddressCount: count } = input
      requireOneWay(listed, count)
      if (listed.length === 0 && !count) throw missingParameter('ipv6AddressCount, or ipv6Addresses')
      const present = record.ipv6Addresses ?? []
      const chosen = listed.filter((address) => !present.includes(recordedIpv6(address)))
      requireRoom(domain, record, present.length + (count || chosen.length))
      const taken = count ? drawIpv6Addresses(domain, subnet, count) : takeChosenIpv6(store, subnet, chosen)
      store.interfaces.replace({ ...record, ipv6Addresses: [...present, ...taken] })
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return { NetworkInterfaceId: record.id, AssignedIpv6Addresses: taken }
    },
  }
}

function requireRoom(domain: Domain, record: InterfaceRecord, count: number): void {
  const type = typeOfHolder(domain, record)
  if (type) requireIpv6Room(type, count)
  else requireIpv6RoomSomewhere(domain.instanceTypes, count)
}

/** UnassignIpv6Addresses: they are no longer the interface's; what a guest still sends by them is dropped. */
export function unassignIpv6Addresses({ store, networks }: Domain): Ec2Mutation<'UnassignIpv6Addresses'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'Ipv6Addresses'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      const addresses = new Set((input.Ipv6Addresses ?? []).map(recordedIpv6))
      if (addresses.size === 0) throw missingParameter('ipv6Addresses')
      const present = record.ipv6Addresses ?? []
      if ([...addresses].some((address) => !present.includes(address))) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Some of the specified addresses are not assigned to interface ${record.id}`,
        )
      }
      const [first = ''] = present
      if (record.hasPrimaryIpv6 && addresses.has(first)) {
        throw invalidParameterCombination(
          `${first} is the primary IPv6 address of ${record.id}: it stays until the interface is detached or deleted.`,
        )
      }
      const { ipv6Addresses: _addresses, ...rest } = record
      const left = present.filter((address) => !addresses.has(address))
      store.interfaces.replace({ ...rest, ...(left.length > 0 ? { ipv6Addresses: left } : {}) })
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return { NetworkInterfaceId: record.id, UnassignedIpv6Addresses: [...addresses] }
    },
  }
}
