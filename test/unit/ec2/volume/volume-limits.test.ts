import { expect, test } from 'vitest'
import { iopsOf, limitsOf } from '../../../../src/ec2/volume/volume-limits.ts'
import { changePerformance, choosePerformance } from '../../../../src/ec2/volume/volume-type.ts'

const mib = 1024 ** 2
const gib = 1024 ** 3

test('a gp2 volume has three operations a GiB, and a bucket of 5.4 million for bursts until it needs none', () => {
  const small = limitsOf({ volumeType: 'gp2', sizeGib: 8 })
  expect(small.operations).toEqual({ baseline: 100, burst: { rate: 3000, seconds: 1800 } })
  expect(small.bytes).toEqual({ baseline: 128 * mib })
  expect(limitsOf({ volumeType: 'gp2', sizeGib: 500 }).operations.baseline).toBe(1500)
  const large = limitsOf({ volumeType: 'gp2', sizeGib: 2000 })
  expect(large).toMatchObject({ operations: { baseline: 6000 }, bytes: { baseline: 250 * mib } })
  expect(large.operations.burst).toBeUndefined()
  expect([8, 500, 16_000].map((sizeGib) => iopsOf({ volumeType: 'gp2', sizeGib }))).toEqual([100, 1500, 16_000])
})

test('gp3, io1 and io2 volumes are as fast as was paid for', () => {
  const gp3 = limitsOf({ volumeType: 'gp3', sizeGib: 8, iops: 4000, throughputMibps: 200 })
  expect(gp3).toEqual({
    operations: { baseline: 4000 },
    operationBytes: 256 * 1024,
    bytes: { baseline: 200 * mib },
  })
  const throughputOf = (volumeType: string, iops: number) =>
    limitsOf({ volumeType, sizeGib: 2000, iops }).bytes.baseline / mib
  expect([1000, 2000, 32_000, 48_000, 64_000].map((iops) => throughputOf('io1', iops))).toEqual([
    250, 500, 500, 750, 1000,
  ])
  expect([1000, 16_000, 256_000].map((iops) => throughputOf('io2', iops))).toEqual([250, 4000, 4000])
})

test('st1 and sc1 volumes have a throughput by their size, and a bucket as large as they are', () => {
  const st1 = limitsOf({ volumeType: 'st1', sizeGib: 1024 })
  expect(st1.bytes).toMatchObject({ baseline: 40 * mib, burst: { rate: 250 * mib } })
  expect((250 * mib * (st1.bytes.burst?.seconds ?? 0)) / gib).toBeCloseTo(1024, 0)
  expect(limitsOf({ volumeType: 'st1', sizeGib: 16_384 }).bytes).toEqual({ baseline: 500 * mib })
  expect(limitsOf({ volumeType: 'sc1', sizeGib: 2048 }).bytes).toMatchObject({
    baseline: 24 * mib,
    burst: { rate: 160 * mib },
  })
})

test('a new volume has the speed that is asked for, else that of its image, else the usual one of its type', () => {
  expect(choosePerformance('gp3', 1, {})).toEqual({ iops: 3000, throughputMibps: 125 })
  expect(choosePerformance('gp3', 8, { Iops: 4000 }, { volumeType: 'gp3', iops: 3500, throughputMibps: 200 })).toEqual({
    iops: 4000,
    throughputMibps: 200,
  })
  expect(choosePerformance('gp3', 8, {}, { volumeType: 'io1', iops: 100 })).toMatchObject({ iops: 3000 })
  expect(choosePerformance('gp2', 8, {}, { volumeType: 'gp3', iops: 3500 })).toEqual({})
})

test('what a type cannot have is refused with its limit', () => {
  for (const [type, sizeGib, asked, message] of [
    ['gp2', 8, { Iops: 100 }, 'The parameter iops is not supported for gp2 volumes.'],
    ['io1', 8, { Iops: 100, Throughput: 125 }, 'The parameter throughput is not supported for io1 volumes.'],
    ['io2', 8, {}, 'parameter iops'],
    ['io2', 8, { Iops: 99 }, 'minimum is 100'],
    ['io1', 16_384, { Iops: 64_001 }, 'maximum is 64000'],
    ['io1', 4, { Iops: 201 }, 'maximum is 50.000000 iops per GiB'],
    ['gp3', 8, { Iops: 3000, Throughput: 751 }, 'maximum is 0.250000 MiBps per iops'],
    ['gp3', 4, { Throughput: 124 }, 'minimum is 125'],
    ['gp3', 7, { Iops: 3501 }, 'maximum is 500.000000 iops per GiB'],
  ] as const) {
    expect(() => choosePerformance(type, sizeGib, asked), `${type} ${JSON.stringify(asked)}`).toThrow(message)
  }
})

test('a change keeps the speed with the type, and begins with 3000 operations a second in another one', () => {
  const present = { volumeType: 'gp3', iops: 4000, throughputMibps: 300 }
  expect(changePerformance(present, 'gp3', 100, { Throughput: 400 })).toEqual({ iops: 4000, throughputMibps: 400 })
  expect(changePerformance(present, 'io2', 100, {})).toEqual({ iops: 3000 })
  expect(changePerformance({ volumeType: 'gp2' }, 'gp3', 100, {})).toEqual({ iops: 3000, throughputMibps: 125 })
})
