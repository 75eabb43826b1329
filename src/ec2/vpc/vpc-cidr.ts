import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne, idNotFound, newId, requireWellFormed } from '../ids.ts'
import { containsBlock, formatIpv4Block, parseIpv4Block } from '../ipv4.ts'
import type { Ec2Mutation } from '../operation.ts'
import { isConflicting, readVpcBlock } from './cidr-rule.ts'
import { cidrAssociationsOf, describeCidr } from './describe-vpcs.ts'
import { cidrsOf } from './vpc.ts'

/** "Amazon VPC quotas": IPv4 CIDR blocks per VPC. */
const maximumCidrs = 5

/** AssociateVpcCidrBlock: a further block, local to the VPC at once. */
export function associateVpcCidrBlock({ store, random, networks }: Domain): Ec2Mutation<'AssociateVpcCidrBlock'> {
  const operation = 'AssociateVpcCidrBlock'
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'CidrBlock', 'AmazonProvidedIpv6CidrBlock'],
    apply: (context, input) => {
      requireOneOf(operation, 'AmazonProvidedIpv6CidrBlock', input.AmazonProvidedIpv6CidrBlock, [false])
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      if (!input.CidrBlock) throw missingParameter('cidrBlock')
      const block = readVpcBlock(input.CidrBlock)
      const cidr = formatIpv4Block(block)
      const routed = store.routeTables
        .listBy('vpcId', vpc.id)
        .flatMap(({ routes }) => routes.flatMap(({ destination }) => parseIpv4Block(destination) ?? []))
      if (isConflicting(block, cidrsOf(vpc)) || routed.some((destination) => containsBlock(block, destination))) {
        throw new Ec2Error('CidrConflict', `The CIDR '${cidr}' conflicts with another CIDR block or route of ${vpc.id}`)
      }
      if (cidrsOf(vpc).length >= maximumCidrs) {
        throw new Ec2Error(
          'CidrLimitExceeded',
          `This network '${vpc.id}' has met its maximum number of allowed CIDRs: ${maximumCidrs}`,
        )
      }
      const association = { id: newId('vpc-cidr-assoc', random), cidr }
      store.vpcs.replace({ ...vpc, secondaryCidrs: [...(vpc.secondaryCidrs ?? []), association] })
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return { VpcId: vpc.id, CidrBlockAssociation: describeCidr(association) }
    },
  }
}

/** DisassociateVpcCidrBlock: not the first block, and none that a subnet lies in. */
export function disassociateVpcCidrBlock({ store, networks }: Domain): Ec2Mutation<'DisassociateVpcCidrBlock'> {
  return {
    kind: 'mutation',
    parameters: ['AssociationId'],
    apply: (context, { AssociationId: id = '' }) => {
      requireWellFormed('vpc-cidr-assoc', id)
      const vpc = store.vpcs
        .list(context)
        .find((candidate) => cidrAssociationsOf(candidate).some((association) => association.id === id))
      if (!vpc) throw idNotFound('vpc-cidr-assoc', [id])
      const association = vpc.secondaryCidrs?.find((candidate) => candidate.id === id)
      if (!association) {
        throw new Ec2Error(
          'OperationNotPermitted',
          `The vpc CIDR block with association ID ${id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
        )
      }
      const block = parseIpv4Block(association.cidr)
      const subnets = store.subnets.listBy('vpcId', vpc.id).map(({ cidr }) => cidr)
      if (block && isConflicting(block, subnets)) {
        throw dependencyViolation(
          `The vpc CIDR block '${association.cidr}' has dependencies and cannot be disassociated.`,
        )
      }
      const secondaryCidrs = vpc.secondaryCidrs?.filter((candidate) => candidate !== association) ?? []
      store.vpcs.replace({ ...vpc, secondaryCidrs })
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      const { AssociationId, CidrBlock } = describeCidr(association)
      return {
        VpcId: vpc.id,
        CidrBlockAssociation: { AssociationId, CidrBlock, CidrBlockState: { State: 'disassociated' } },
      }
    },
  }
}
