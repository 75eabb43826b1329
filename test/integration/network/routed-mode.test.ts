import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { findOverlap } from '../../../src/network/host-routes.ts'

const isRoot = process.getuid?.() === 0

// Routed mode is root's alone; who is not has nothing to test.
test.runIf(isRoot)(
  'the host reaches a VPC by its own routes of both families, past security groups, and is as before when it ends',
  async () => {
    const program = join(import.meta.dirname, 'routed-lab.ts')
    const { stdout } = await execa('unshare', [
      '--net',
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      program,
    ])
    const overlap = (vpcId: string, block: string) =>
      expect.stringMatching(
        `^the host has no routes to ${vpcId}: ${block} overlaps with ${block}, which leads to kiln\\w+ already$`,
      ) as string
    const reached = ['hello by 169.254.169.241', 'hello by fd00:ec2::241']
    expect(JSON.parse(stdout)).toEqual({
      reached,
      refused: ['silent', 'silent'],
      echoed: [100, 100],
      back: ['silent', 'silent'],
      overlapping: [overlap('vpc-2', '172.31.0.0/16')],
      overlappingByIpv6: [overlap('vpc-3', 'fd12:3456:789a::/56')],
      hasStaleRoute: false,
      again: reached,
      left: [],
      isAsBefore: true,
    })
  },
)

test.each([
  ['the same block', '10.0.0.0/16', true],
  ['a part of it', '10.0.5.0/24', true],
  ['one that holds it', '10.0.0.0/8', true],
  ['an address in it', '10.0.0.7', true],
  ['its neighbour', '10.1.0.0/16', false],
  ['the default route', 'default', false],
])('a block that the host has %s of is in the way or not', (_, dst, isInTheWay) => {
  expect(findOverlap(['10.0.0.0/16'], [{ dst, dev: 'eth0' }]) !== undefined).toBe(isInTheWay)
})

test.each([
  ['the same block', 'fd12:3456:789a::/56', true],
  ['an address in it', 'fd12:3456:789a:9::7', true],
  ['one that holds it', 'fc00::/7', true],
  ['its neighbour', 'fd12:3456:789a:100::/56', false],
  ['the default route', 'default', false],
  ['a block of IPv4', '10.0.0.0/8', false],
])('by IPv6 likewise: %s', (_, dst, isInTheWay) => {
  expect(findOverlap(['fd12:3456:789a::/56'], [{ dst, dev: 'eth0' }]) !== undefined).toBe(isInTheWay)
})
