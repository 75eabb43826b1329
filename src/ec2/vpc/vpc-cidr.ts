import type { AssociateVpcCidrBlockRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error, invalidParameterCombination, missingParameter } from '../errors.ts'
import { findOne, idNotFound, newId, requireWellFormed } from '../ids.ts'
import { containsBlock, formatIpv4Block, parseIpv4Block } from '../ipv4.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { otherSideOf, peeringsOfVpc } from '../vpc-peering/vpc-peering.ts'
import { allowIpv6 } from './allow-ipv6.ts'
import { isConflicting, readVpcBlock } from './cidr-rule.ts'
import { cidrAssociationsOf, describeCidr, describeIpv6Cidr } from './describe-vpcs.ts'
import { drawVpcIpv6Block, isIpv6Conflicting, wantsAmazonBlock } from './ipv6-rule.ts'
import { type CidrAssociation, cidrsOf, type VpcRecord } from './vpc.ts'

/** "Amazon VPC quotas": CIDR blocks per VPC, of IPv4 and of IPv6. */
const maximumCidrs = 5

/** AssociateVpcCidrBlock: a further block, local to the VPC at once. */
export function associateVpcCidrBlock(domain: Domain): Ec2Mutation<'AssociateVpcCidrBlock'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'CidrBlock', 'AmazonProvidedIpv6CidrBlock', 'Ipv6CidrBlockNetworkBorderGroup'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const wantsIpv6 = wantsAmazonBlock(input, context.region)
      if (wantsIpv6 && input.CidrBlock) {
        throw invalidParameterCombination(
          'The parameters cidrBlock and amazonProvidedIpv6CidrBlock may not be used together',
        )
      }
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return wantsIpv6
        ? { VpcId: vpc.id, Ipv6CidrBlockAssociation: describeIpv6Cidr(addIpv6Block(domain, vpc), vpc.region) }
        : { VpcId: vpc.id, CidrBlockAssociation: describeCidr(addIpv4Block(domain, vpc, input)) }
    },
  }
}

/** Gives a VPC one of Amazon's blocks of IPv6 addresses. Throws CidrLimitExceeded. */
export function addIpv6Block(domain: Pick<Domain, 'store' | 'random'>, vpc: VpcRecord): CidrAssociation {
  const { store, random } = domain
  const present = vpc.ipv6Cidrs ?? []
  requireCidrRoom(vpc, present.length)
  const association = { id: newId('vpc-cidr-assoc', random), cidr: drawVpcIpv6Block(random) }
  store.vpcs.replace({ ...vpc, ipv6Cidrs: [...present, association] })
  if (present.length === 0) allowIpv6(domain, vpc.id)
  return association
}

function addIpv4Block(
  { store, random }: Domain,
  vpc: VpcRecord,
  { CidrBlock: text }: AssociateVpcCidrBlockRequest,
): CidrAssociation {
  if (!text) throw missingParameter('cidrBlock')
  const block = readVpcBlock(text)
  const cidr = formatIpv4Block(block)
  const routed = store.routeTables
    .listBy('vpcId', vpc.id)
    .flatMap(({ routes }) => routes.flatMap(({ destination }) => parseIpv4Block(destination) ?? []))
  if (isConflicting(block, cidrsOf(vpc)) || routed.some((destination) => containsBlock(block, destination))) {
    throw new Ec2Error('CidrConflict', `The CIDR '${cidr}' conflicts with another CIDR block or route of ${vpc.id}`)
  }
  const joined = peeringsOfVpc(store, vpc.id)
    .filter(({ state }) => state === 'active')
    .map((peering) => otherSideOf(peering, vpc.id).vpcId)
    .find((id) => isConflicting(block, cidrsOfVpc(store, id)))
  if (joined) {
    throw new Ec2Error('CidrConflict', `The CIDR '${cidr}' conflicts with ${joined}, which ${vpc.id} is peered with`)
  }
  requireCidrRoom(vpc, cidrsOf(vpc).length)
  const association = { id: newId('vpc-cidr-assoc', random), cidr }
  store.vpcs.replace({ ...vpc, secondaryCidrs: [...(vpc.secondaryCidrs ?? []), association] })
  return association
}

function requireCidrRoom({ id }: VpcRecord, present: number): void {
  if (present < maximumCidrs) return
  throw new Ec2Error(
    'CidrLimitExceeded',
    `This network '${id}' has met its maximum number of allowed CIDRs: ${maximumCidrs}`,
  )
}

/** DisassociateVpcCidrBlock: not the first block, and none that a subnet lies in. */
export function disassociateVpcCidrBlock(domain: Domain): Ec2Mutation<'DisassociateVpcCidrBlock'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['AssociationId'],
    apply: (context, { AssociationId: id = '' }) => {
      requireWellFormed('vpc-cidr-assoc', id)
      const vpc = findVpc(store, context, id)
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      const ipv6 = vpc.ipv6Cidrs?.find((candidate) => candidate.id === id)
      if (ipv6) {
        removeIpv6Block(domain, vpc, ipv6)
        return { VpcId: vpc.id, Ipv6CidrBlockAssociation: describeIpv6Cidr(ipv6, vpc.region, 'disassociated') }
      }
      const { AssociationId, CidrBlock } = describeCidr(removeIpv4Block(domain, vpc, id))
      return {
        VpcId: vpc.id,
        CidrBlockAssociation: { AssociationId, CidrBlock, CidrBlockState: { State: 'disassociated' } },
      }
    },
  }
}

function findVpc(store: Store, context: MutationContext, associationId: string): VpcRecord {
  const vpc = store.vpcs
    .list(context)
    .find((candidate) =>
      [...cidrAssociationsOf(candidate), ...(candidate.ipv6Cidrs ?? [])].some(({ id }) => id === associationId),
    )
  if (!vpc) throw idNotFound('vpc-cidr-assoc', [associationId])
  return vpc
}

function removeIpv6Block({ store }: Domain, vpc: VpcRecord, association: CidrAssociation): void {
  const subnets = store.subnets.listBy('vpcId', vpc.id).flatMap(({ ipv6 }) => ipv6?.cidr ?? [])
  if (isIpv6Conflicting(association.cidr, subnets)) {
    throw new Ec2Error(
      'InvalidCidrBlock.InUse',
      `The vpc ${vpc.id} currently has a subnet within CIDR block ${association.cidr}`,
    )
  }
  const { ipv6Cidrs = [], ...without } = vpc
  const others = ipv6Cidrs.filter((candidate) => candidate !== association)
  store.vpcs.replace(others.length > 0 ? { ...without, ipv6Cidrs: others } : without)
}

function removeIpv4Block({ store }: Domain, vpc: VpcRecord, id: string): CidrAssociation {
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
    throw dependencyViolation(`The vpc CIDR block '${association.cidr}' has dependencies and cannot be disassociated.`)
  }
  const secondaryCidrs = vpc.secondaryCidrs?.filter((candidate) => candidate !== association) ?? []
  store.vpcs.replace({ ...vpc, secondaryCidrs })
  return association
}

function cidrsOfVpc(store: Store, id: string): string[] {
  const vpc = store.vpcs.find(id)
  return vpc ? cidrsOf(vpc) : []
}
