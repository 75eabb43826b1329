import { expect, test } from 'vitest'
import { drawVpcIpv6Block } from '../../../../src/ec2/vpc/ipv6-rule.ts'

/** Gives those bytes, one text of hexadecimal digits a call. */
function drawing(...texts: readonly string[]) {
  const left = [...texts]
  return { bytes: (count: number) => Buffer.from(left.shift() ?? '', 'hex').subarray(0, count) }
}

test('a block is what was drawn behind fd', () => {
  expect(drawVpcIpv6Block(drawing('123456789abc'))).toBe('fd12:3456:789a:bc00::/56')
  expect(drawVpcIpv6Block(drawing('000000000001'))).toBe('fd00:0:0:100::/56')
})

test('a block ends so that the numbers of subnets can be put in the place of its end', () => {
  expect(drawVpcIpv6Block(drawing('123456789a00', '123456789a01'))).toBe('fd12:3456:789a:100::/56')
})

test('a block is never one of those of the services that every VPC has', () => {
  expect(drawVpcIpv6Block(drawing('000ec2000001', '000ec2ffffff', '000ec3000001'))).toBe('fd00:ec3:0:100::/56')
})
