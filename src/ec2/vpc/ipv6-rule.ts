import type { Random } from '../../host/random.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import {
  containsIpv6Block,
  formatIpv6Block,
  type Ipv6Block,
  numberOfIpv6,
  overlapsIpv6Block,
  parseIpv6Block,
} from '../ipv6.ts'

/** EC2's size of the blocks that it gives to VPCs. */
const vpcPrefixLength = 56
/** "VPC CIDR blocks": a subnet's block is a /64, or larger than that in steps of four. */
const shortestSubnetPrefix = 44
const longestSubnetPrefix = 64
const subnetPrefixStep = 4
/** Where the services of every VPC have their addresses. */
const serviceBlock: Ipv6Block = { base: numberOfIpv6('fd00:ec2::') ?? 0n, prefixLength: 32 }

/** The name of the pool that Amazon's own blocks come from. */
export const amazonPool = 'Amazon'

/** A block for a VPC, from the unique local addresses (docs/adr/ipv6-blocks-are-unique-local.md). */
export function drawVpcIpv6Block(random: Pick<Random, 'bytes'>): string {
  for (;;) {
    const drawn = random.bytes(6)
    const base = BigInt(`0xfd${drawn.toString('hex')}`) << BigInt(128 - vpcPrefixLength)
    const block = { base, prefixLength: vpcPrefixLength }
    // Its text ends with `00::/56`, in whose place scripts put `01::/64` for their subnets.
    if (drawn[5] !== 0 && !overlapsIpv6Block(block, serviceBlock)) return formatIpv6Block(block)
  }
}

/** Whether a request asks for one of Amazon's blocks, whose place is the whole region. Throws for another place, or a place without. */
export function wantsAmazonBlock(
  input: {
    readonly AmazonProvidedIpv6CidrBlock?: boolean | undefined
    readonly Ipv6CidrBlockNetworkBorderGroup?: string | undefined
  },
  region: string,
): boolean {
  const { AmazonProvidedIpv6CidrBlock: isWanted = false, Ipv6CidrBlockNetworkBorderGroup: place } = input
  if (place === undefined) return isWanted
  if (!isWanted) {
    throw invalidParameterCombination(
      'The parameter ipv6CidrBlockNetworkBorderGroup needs amazonProvidedIpv6CidrBlock to be true',
    )
  }
  if (place === region) return true
  throw invalidParameterValue(
    'ipv6CidrBlockNetworkBorderGroup',
    place.slice(0, 80),
    `The only network border group here is ${region}.`,
  )
}

/**
 * The IPv6 block of a subnet in a VPC of those blocks, in its canonical form. Throws InvalidParameterValue for what is none of such a
 * size, InvalidSubnet.Range for one that lies elsewhere.
 */
export function readSubnetIpv6Block(text: string, vpcCidrs: readonly string[]): string {
  const block = parseIpv6Block(text)
  if (!block || !hasSubnetSize(block)) {
    throw new Ec2Error('InvalidParameterValue', `invalid value for parameter ipv6-cidr-block: ${text.slice(0, 80)}`)
  }
  const cidr = formatIpv6Block(block)
  const isInside = vpcCidrs.some((vpcCidr) => {
    const outer = parseIpv6Block(vpcCidr)
    return outer !== undefined && containsIpv6Block(outer, block)
  })
  if (!isInside) throw new Ec2Error('InvalidSubnet.Range', `The IPv6 CIDR '${cidr}' is invalid.`)
  return cidr
}

/** Whether a block shares an address with one of those. */
export function isIpv6Conflicting(cidr: string, others: readonly string[]): boolean {
  const block = parseIpv6Block(cidr)
  return others.some((text) => {
    const other = parseIpv6Block(text)
    return block !== undefined && other !== undefined && overlapsIpv6Block(block, other)
  })
}

function hasSubnetSize({ prefixLength }: Ipv6Block): boolean {
  const isWithin = prefixLength >= shortestSubnetPrefix && prefixLength <= longestSubnetPrefix
  return isWithin && prefixLength % subnetPrefixStep === 0
}
