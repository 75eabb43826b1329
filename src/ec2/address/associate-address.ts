import type { AssociateAddressRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne, idNotFound, requireWellFormed } from '../ids.ts'
import { requireSoleInterface } from '../instance/find-instance.ts'
import { addressesOf, type InterfaceRecord, requireUsersOwn } from '../network-interface/network-interface.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { AddressRecord } from './address.ts'
import { bindAddress, replaceLostAddress, unbindAddress } from './association.ts'
import { findAddress } from './find-address.ts'

/** AssociateAddress: the address stands for a private one from now on; whoever had it loses it, unless that is forbidden. */
export function associateAddress(domain: Domain): Ec2Mutation<'AssociateAddress'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: [
      'AllocationId',
      'PublicIp',
      'InstanceId',
      'NetworkInterfaceId',
      'PrivateIpAddress',
      'AllowReassociation',
    ],
    apply: (context, input) => {
      const address = findAddress(store, context, input)
      if (!address) throw missingParameter('AllocationId')
      const target = findTarget(domain, context, input)
      const privateIp = input.PrivateIpAddress ?? target.privateIp
      const side = addressesOf(target).find((candidate) => candidate.privateIp === privateIp)
      if (!side) {
        throw new Ec2Error(
          'InvalidParameterValue',
          `The private IP address ${privateIp.slice(0, 40)} is not assigned to the network interface ${target.id}`,
        )
      }
      if (store.internetGateways.countBy('vpcId', target.vpcId) === 0) {
        throw new Ec2Error('Gateway.NotAttached', `Network ${target.vpcId} is not attached to any internet gateway`)
      }
      const { association } = address
      if (association?.interfaceId === target.id && association.privateIp === privateIp) {
        return { AssociationId: association.id }
      }
      if (input.AllowReassociation === false) refuseReassociation(address, side.elasticIp?.associationId)
      const loser = association && store.interfaces.find(association.interfaceId)
      if (loser) requireUsersOwn(loser)
      const associationId = bindAddress(domain, address, target, privateIp)
      if (loser) replaceLostAddress(domain, loser.id)
      const take = () => networks.refreshSoon(target.vpcId)
      // Who gives the address up comes before who takes it.
      context.afterCommit(() => (loser ? networks.refreshSoon(loser.vpcId, take) : take()))
      return { AssociationId: associationId }
    },
  }
}

function refuseReassociation({ id, association }: AddressRecord, associationOfTarget: string | undefined): void {
  const present = association?.id ?? associationOfTarget
  if (present === undefined) return
  throw new Ec2Error('Resource.AlreadyAssociated', `resource ${id} is already associated with associate-id ${present}`)
}

function findTarget({ store }: Domain, context: MutationContext, input: AssociateAddressRequest): InterfaceRecord {
  const { InstanceId: instanceId, NetworkInterfaceId: interfaceId } = input
  if (instanceId && interfaceId) {
    throw invalidParameterCombination('You may specify an instance or a network interface, but not both')
  }
  if (interfaceId) {
    const found = findOne('eni', interfaceId, (id) => store.interfaces.get(context, id))
    requireUsersOwn(found)
    return found
  }
  if (!instanceId) throw missingParameter('InstanceId')
  const instance = findOne('i', instanceId, (id) => store.instances.get(context, id))
  if (!['running', 'stopped', 'stopping'].includes(instance.state)) {
    throw new Ec2Error(
      'InvalidInstanceID',
      `The ${instance.state} instance '${instance.id}' is not in a valid state for this operation.`,
    )
  }
  return requireSoleInterface(store, instance)
}

/** DisassociateAddress: the address stands for nobody; an instance that was launched with a public address gets another one. */
export function disassociateAddress(domain: Domain): Ec2Mutation<'DisassociateAddress'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['AssociationId', 'PublicIp'],
    apply: (context, { AssociationId: associationId, PublicIp: publicIp }) => {
      if (associationId && publicIp) {
        throw invalidParameterCombination('You may specify public IP or association id, but not both in the same call')
      }
      if (!associationId && !publicIp) throw missingParameter('AssociationId')
      const address = associationId
        ? findByAssociation(domain, context, associationId)
        : findAddress(store, context, { PublicIp: publicIp })
      const bound = address?.association && store.interfaces.find(address.association.interfaceId)
      if (bound) requireUsersOwn(bound)
      const freed = address && unbindAddress(store, address)
      if (!freed) throw new Ec2Error('InvalidAssociationID.NotFound', `The address ${publicIp} is not associated`)
      replaceLostAddress(domain, freed.id)
      context.afterCommit(() => networks.refreshSoon(freed.vpcId))
      return {}
    },
  }
}

function findByAssociation({ store }: Domain, context: MutationContext, associationId: string): AddressRecord {
  requireWellFormed('eipassoc', associationId)
  const [found] = store.addresses.listBy('association.id', associationId)
  const address = found && store.addresses.get(context, found.id)
  if (!address) throw idNotFound('eipassoc', [associationId])
  return address
}
