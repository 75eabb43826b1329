import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { containsBlock, formatIpv4Block, type Ipv4Block, overlapsBlock, parseIpv4Block } from '../ipv4.ts'

/** EC2's sizes of VPCs and subnets. */
const shortestPrefix = 16
const longestPrefix = 28
/** Blocks that have a meaning of their own on every host. */
const reservedBlocks = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3']

/** The block of a VPC that a client chose, its host bits cleared. Throws InvalidParameterValue, InvalidVpc.Range. */
export function readVpcBlock(text: string): Ipv4Block {
  const block = readBlock(text)
  const isReserved = reservedBlocks.some((reserved) => {
    const known = parseIpv4Block(reserved)
    return known !== undefined && overlapsBlock(known, block)
  })
  if (isReserved || !hasAllowedSize(block)) throw invalidRange('InvalidVpc.Range', block)
  return block
}

/** The block of a subnet in a VPC of those blocks. Throws InvalidParameterValue, InvalidSubnet.Range. */
export function readSubnetBlock(text: string, vpcCidrs: readonly string[]): Ipv4Block {
  const block = readBlock(text)
  const isInside = vpcCidrs.some((cidr) => {
    const outer = parseIpv4Block(cidr)
    return outer !== undefined && containsBlock(outer, block)
  })
  if (!isInside || !hasAllowedSize(block)) throw invalidRange('InvalidSubnet.Range', block)
  return block
}

/** Whether a block shares an address with one of those. */
export function isConflicting(block: Ipv4Block, cidrs: readonly string[]): boolean {
  return cidrs.some((cidr) => {
    const other = parseIpv4Block(cidr)
    return other !== undefined && overlapsBlock(block, other)
  })
}

function readBlock(text: string): Ipv4Block {
  const block = parseIpv4Block(text)
  if (block) return block
  throw invalidParameterValue('cidrBlock', text.slice(0, 80), 'This is not a valid CIDR block.')
}

function hasAllowedSize({ prefixLength }: Ipv4Block): boolean {
  return prefixLength >= shortestPrefix && prefixLength <= longestPrefix
}

function invalidRange(code: string, block: Ipv4Block): Ec2Error {
  return new Ec2Error(code, `The CIDR '${formatIpv4Block(block)}' is invalid.`)
}
