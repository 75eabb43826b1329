import { formatIpv6Block, parseIpv6Block } from '../ec2/ipv6.ts'

const subnetPrefixLength = 64
const hostBits = 64n
const lastNumber = 255

/** The /64 of that number in a VPC's /56. Pure. */
export function numberedBlock(vpcBlock: string, number: number): string {
  const base = parseIpv6Block(vpcBlock)?.base ?? 0n
  return formatIpv6Block({ base: base | (BigInt(number) << hostBits), prefixLength: subnetPrefixLength })
}

/** The number of a subnet's block among those of its VPC; undefined for what is no /64 of it. Pure. */
export function numberOfBlock(vpcBlock: string, block: string): number | undefined {
  for (let number = 0; number <= lastNumber; number++) {
    if (numberedBlock(vpcBlock, number) === block) return number
  }
  return undefined
}

/** The lowest number that none of those are; undefined when all are taken. Pure. */
export function lowestFreeNumber(taken: ReadonlySet<number>): number | undefined {
  for (let number = 0; number <= lastNumber; number++) if (!taken.has(number)) return number
  return undefined
}
