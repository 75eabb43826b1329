import { expect, test } from 'vitest'
import { createDiskUsage } from '../../../../src/ec2/layer/disk-usage.ts'

/** An image's layer with two chains over it. */
const layers = [
  { id: 'base', bytes: 1000 },
  { id: 'a1', parentId: 'base', bytes: 100 },
  { id: 'a2', parentId: 'a1', bytes: 10 },
  { id: 'b1', parentId: 'base', bytes: 1 },
]

test('what stands on a chain frees what nobody else needs of it', () => {
  const usage = createDiskUsage(layers, ['base', 'a1', 'a2', 'b1'])
  expect(usage.totalOf(['a2'])).toBe(1110)
  expect(usage.freedBy(['a2'])).toBe(10)
  expect(usage.freedBy(['a1'])).toBe(0)
  expect(usage.freedBy(['base'])).toBe(0)
  expect(usage.freedBy(['b1'])).toBe(1)
})

test('the last that needs a chain frees all of it', () => {
  expect(createDiskUsage(layers, ['a2', 'b1']).freedBy(['a2'])).toBe(110)
  expect(createDiskUsage(layers, ['a2', 'b1']).freedBy(['a2', 'b1'])).toBe(1111)
})

test('what has two names of a layer frees it only with both', () => {
  const usage = createDiskUsage(layers, ['a2', 'b1', 'b1'])
  expect(usage.freedBy(['b1'])).toBe(0)
  expect(usage.freedBy(['b1', 'b1'])).toBe(1)
  expect(usage.totalOf(['b1', 'b1'])).toBe(1001)
})
