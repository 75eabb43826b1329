import type { Domain } from '../domain.ts'
import { blockOfAddress, containsCidr } from '../cidr.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findOne, idNotFound, newId, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { isIpv6Conflicting, readSubnetIpv6Block } from '../vpc/ipv6-rule.ts'
import { ipv6CidrsOf, type VpcRecord } from '../vpc/vpc.ts'
import { describeIpv6Association } from './describe-subnets.ts'
import type { SubnetIpv6Association, SubnetRecord } from './subnet.ts'

/** AssociateSubnetCidrBlock: IPv6 for what is made in a subnet from now on. A subnet has one such block at most. */
export function associateSubnetCidrBlock({ store, random, networks }: Domain): Ec2Mutation<'AssociateSubnetCidrBlock'> {
  return {
    kind: 'mutation',
    parameters: ['SubnetId', 'Ipv6CidrBlock'],
    apply: (context, input) => {
      const subnet = findOne('subnet', input.SubnetId ?? '', (id) => store.subnets.get(context, id))
      if (!input.Ipv6CidrBlock) throw missingParameter('ipv6CidrBlock')
      const vpc = findOne('vpc', subnet.vpcId, (id) => store.vpcs.get(context, id))
      const cidr = readFreeIpv6Block(store, vpc, input.Ipv6CidrBlock)
      if (subnet.ipv6) {
        throw new Ec2Error(
          'CidrLimitExceeded',
          `This subnet '${subnet.id}' has met its maximum number of allowed IPv6 CIDRs: 1`,
        )
      }
      const ipv6 = { id: newId('subnet-cidr-assoc', random), cidr }
      store.subnets.replace({ ...subnet, ipv6 })
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return { SubnetId: subnet.id, Ipv6CidrBlockAssociation: describeIpv6Association(ipv6) }
    },
  }
}

/** DisassociateSubnetCidrBlock: refused while new interfaces get addresses of the block, while one has, or a range of it is reserved. */
export function disassociateSubnetCidrBlock({ store, networks }: Domain): Ec2Mutation<'DisassociateSubnetCidrBlock'> {
  return {
    kind: 'mutation',
    parameters: ['AssociationId'],
    apply: (context, { AssociationId: id = '' }) => {
      requireWellFormed('subnet-cidr-assoc', id)
      const subnet = store.subnets.list(context).find(({ ipv6 }) => ipv6?.id === id)
      if (!subnet?.ipv6) throw idNotFound('subnet-cidr-assoc', [id])
      const use = useOf(store, subnet, subnet.ipv6)
      if (use !== undefined) {
        // As EC2 words it (hashicorp/terraform-provider-aws#1519).
        throw new Ec2Error(
          'InvalidCidrBlock.InUse',
          `The subnet IPv6 CIDR block with association ID ${id} may not be disassociated, because ${use}.`,
        )
      }
      const { ipv6, ...without } = subnet
      store.subnets.replace(without)
      context.afterCommit(() => networks.refreshSoon(subnet.vpcId))
      return { SubnetId: subnet.id, Ipv6CidrBlockAssociation: describeIpv6Association(ipv6, 'disassociated') }
    },
  }
}

/**
 * The block that a client wants for a subnet of a VPC, in its canonical form. Throws InvalidParameterValue, InvalidSubnet.Range, and
 * InvalidSubnet.Conflict where another subnet has some of it.
 */
export function readFreeIpv6Block(store: Store, vpc: VpcRecord, text: string): string {
  const cidr = readSubnetIpv6Block(text, ipv6CidrsOf(vpc))
  const others = store.subnets.listBy('vpcId', vpc.id).flatMap(({ ipv6 }) => ipv6?.cidr ?? [])
  if (!isIpv6Conflicting(cidr, others)) return cidr
  throw new Ec2Error('InvalidSubnet.Conflict', `The IPv6 CIDR '${cidr}' conflicts with another subnet`)
}

/** Why a subnet needs its block. */
function useOf(
  store: Store,
  { id, assignIpv6AddressOnCreation }: SubnetRecord,
  { cidr }: SubnetIpv6Association,
): string | undefined {
  if (assignIpv6AddressOnCreation) return 'its subnet has assign-ipv6-address-on-creation set to true'
  const holder = store.interfaces
    .listBy('subnetId', id)
    .find(({ ipv6Addresses = [] }) => ipv6Addresses.some((address) => containsCidr(cidr, blockOfAddress(address))))
  if (holder) return `the network interface ${holder.id} has an address of it`
  const reservation = store.cidrReservations
    .listBy('subnetId', id)
    .find((reserved) => containsCidr(cidr, reserved.cidr))
  return reservation && `${reservation.id} reserves a part of it`
}
