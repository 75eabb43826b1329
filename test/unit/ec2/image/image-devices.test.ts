import { expect, test } from 'vitest'
import { nameDevices } from '../../../../src/ec2/image/image-devices.ts'

const name = (...names: (string | undefined)[]) => nameDevices(names, '/dev/sda1')

test('the first disk is the root, the others follow from sdf', () => {
  expect(name(undefined, undefined, undefined)).toEqual(['/dev/sda1', '/dev/sdf', '/dev/sdg'])
})

test('a name that is given stays, and no other disk gets it', () => {
  expect(name('/dev/xvda', undefined, '/dev/sdf', undefined)).toEqual(['/dev/xvda', '/dev/sdg', '/dev/sdf', '/dev/sdh'])
})

test('there are names for as many as an image may have', () => {
  const names = name(undefined, '/dev/sdz', ...Array<undefined>(19).fill(undefined))
  expect(new Set(names).size).toBe(21)
  expect(names.every((one) => /^\/dev\/sd[a-z]1?$/.test(one))).toBe(true)
})
