import { expect, test } from 'vitest'
import { arrivingDisks, deviceNamesOf } from '../../../../src/ec2/transfer/imported-disk.ts'
import type { ImportedDevice } from '../../../../src/ec2/transfer/transfer.ts'

const machine: ImportedDevice = { source: { kind: 'file', path: '/a.ova' }, deviceName: '/dev/xvda', description: 'a' }
const disk: ImportedDevice = { source: { kind: 'file', path: '/b.raw' } }

test('what a source holds is told of once it is known', () => {
  expect(arrivingDisks([machine, disk], undefined)).toEqual([machine, disk])
  const progress = new Map([[0, { index: 1, sizes: [10, 40, 5], doneBytes: 10 }]])
  const disks = arrivingDisks([machine, disk], progress)
  expect(disks.map(({ percent, sizeBytes }) => [percent, sizeBytes])).toEqual([
    [100, 10],
    [25, 40],
    [0, 5],
    [undefined, undefined],
  ])
  expect(disks.map(({ description }) => description)).toEqual(['a', 'a', 'a', undefined])
})

test('the name that a source has is that of its first disk', () => {
  const progress = new Map([[0, { index: 0, sizes: [10, 40], doneBytes: 0 }]])
  expect(deviceNamesOf(arrivingDisks([machine, disk], progress))).toEqual(['/dev/xvda', '/dev/sdf', '/dev/sdg'])
})
