import type { AddressRecord } from '../address/address.ts'
import { unbindAddress } from '../address/association.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { typeOfHolder } from './attachment.ts'
import { takeChosenAddresses } from './interface-draft.ts'
import { type InterfaceRecord, requireUsersOwn, type SecondaryIp } from './network-interface.ts'

/** AssignPrivateIpAddresses: routed to the interface at once; the guest has to take them up itself, as on EC2. */
export function assignPrivateIpAddresses(domain: Domain): Ec2Mutation<'AssignPrivateIpAddresses'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'PrivateIpAddresses', 'SecondaryPrivateIpAddressCount', 'AllowReassignment'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      const subnet = findOne('subnet', record.subnetId, (id) => store.subnets.get(context, id))
      const present = (record.secondaryIps ?? []).map(({ privateIp }) => privateIp)
      const chosen = (input.PrivateIpAddresses ?? []).filter((address) => !present.includes(address))
      const count = input.SecondaryPrivateIpAddressCount ?? 0
      if (count > 0 && input.PrivateIpAddresses?.length) {
        throw invalidParameterCombination('Secondary private addresses may be counted or listed, not both')
      }
      if (count < 1 && !input.PrivateIpAddresses?.length) throw missingParameter('privateIpAddress')
      const moved = input.AllowReassignment ? chosen.flatMap((address) => takeAway(store, record, address)) : []
      const taken = takeChosenAddresses(store, subnet, chosen, count)
      requireRoom(domain, record, present.length + taken.length)
      const assigned = taken.map((privateIp) => moved.find((side) => side.privateIp === privateIp) ?? { privateIp })
      store.interfaces.replace({ ...record, secondaryIps: [...(record.secondaryIps ?? []), ...assigned] })
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return {
        NetworkInterfaceId: record.id,
        AssignedPrivateIpAddresses: taken.map((PrivateIpAddress) => ({ PrivateIpAddress })),
      }
    },
  }
}

/** An attached interface has as many addresses as its instance's type allows. */
function requireRoom(domain: Domain, record: InterfaceRecord, secondary: number): void {
  const type = typeOfHolder(domain, record)
  if (!type || secondary < type.addressesPerInterface) return
  throw new Ec2Error(
    'PrivateIpAddressLimitExceeded',
    `Number of private addresses of ${record.id} will exceed the limit of ${type.name}.`,
  )
}

/** A secondary address may be taken from another interface of the subnet, and brings the elastic one along that stands for it. */
function takeAway(store: Store, { id, subnetId }: InterfaceRecord, address: string): SecondaryIp[] {
  return store.interfaces.listBy('secondaryIps[].privateIp', address).flatMap((owner) => {
    if (owner.subnetId !== subnetId) return []
    for (const elastic of elasticAddressesOf(store, owner.id, address)) {
      if (elastic.association) {
        store.addresses.replace({ ...elastic, association: { ...elastic.association, interfaceId: id } })
      }
    }
    return removeSecondary(store, owner, address)
  })
}

function elasticAddressesOf(store: Store, interfaceId: string, privateIp: string): AddressRecord[] {
  return store.addresses
    .listBy('association.interfaceId', interfaceId)
    .filter(({ association }) => association?.privateIp === privateIp)
}

/** Answers what was removed, with what stood for it. */
function removeSecondary(store: Store, record: InterfaceRecord, address: string): SecondaryIp[] {
  const present = record.secondaryIps ?? []
  const secondaryIps = present.filter(({ privateIp }) => privateIp !== address)
  store.interfaces.replace({ ...record, secondaryIps })
  return present.filter(({ privateIp }) => privateIp === address)
}

function dropAddress(store: Store, interfaceId: string, address: string): void {
  for (const elastic of elasticAddressesOf(store, interfaceId, address)) unbindAddress(store, elastic)
  const present = store.interfaces.find(interfaceId)
  if (present) removeSecondary(store, present, address)
}

/** UnassignPrivateIpAddresses: secondary addresses go; elastic ones that stood for them stay allocated. */
export function unassignPrivateIpAddresses({ store, networks }: Domain): Ec2Mutation<'UnassignPrivateIpAddresses'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInterfaceId', 'PrivateIpAddresses'],
    apply: (context, input) => {
      const record = findOne('eni', input.NetworkInterfaceId ?? '', (id) => store.interfaces.get(context, id))
      requireUsersOwn(record)
      const addresses = input.PrivateIpAddresses ?? []
      if (addresses.length === 0) throw missingParameter('privateIpAddress')
      const present = new Set((record.secondaryIps ?? []).map(({ privateIp }) => privateIp))
      if (addresses.some((address) => !present.has(address))) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `Some of the specified addresses are not assigned to interface ${record.id}`,
        )
      }
      for (const address of addresses) dropAddress(store, record.id, address)
      context.afterCommit(() => networks.refreshSoon(record.vpcId))
      return {}
    },
  }
}
