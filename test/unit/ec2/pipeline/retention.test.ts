import { expect, test } from 'vitest'
import { chooseSurplus } from '../../../../src/ec2/pipeline/retention.ts'

const images = [3, 1, 10, 2].map((buildNumber) => ({
  id: `ami-${buildNumber}`,
  buildNumber,
  isUsed: buildNumber === 1,
}))

test('keeps the last builds by their numbers, and names the oldest first', () => {
  expect(chooseSurplus(images, { keep: 1, isIncludingUsed: true })).toEqual(['ami-1', 'ami-2', 'ami-3'])
  expect(chooseSurplus(images, { keep: 4, isIncludingUsed: true })).toEqual([])
})

test('keeps what an instance was launched from, unless it is asked for', () => {
  expect(chooseSurplus(images, { keep: 2, isIncludingUsed: false })).toEqual(['ami-2'])
})
