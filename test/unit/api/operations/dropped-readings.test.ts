import { expect, test } from 'vitest'
import { createDroppedReadings } from '../../../../src/api/operations/dropped-readings.ts'
import { systemClock } from '../../../../src/host/clock.ts'

/** Readings of networks that count how often they are asked, and a clock that is moved by hand. */
function makeReadings() {
  const asked: string[] = []
  let nowMs = 5_000
  let isBroken = false
  const droppedPackets = async (vpcId: string) => {
    asked.push(vpcId)
    if (isBroken) throw new Error('nft is gone')
    return new Map([['eni1', { forged: asked.length, flood: 0 }]])
  }
  const readings = createDroppedReadings({ droppedPackets }, { ...systemClock, monotonicMs: () => nowMs })
  return {
    asked,
    forged: async (vpcId: string) => (await readings.read(vpcId)).get('eni1')?.forged,
    passMs: (ms: number) => (nowMs += ms),
    breakNft: (broken: boolean) => (isBroken = broken),
  }
}

test('is read once for all who ask within a second, and anew for who asks later', async () => {
  const { asked, forged, passMs } = makeReadings()
  expect(await Promise.all([forged('vpc-1'), forged('vpc-1')])).toEqual([1, 1])
  passMs(999)
  expect(await forged('vpc-1')).toBe(1)
  passMs(1)
  expect(await forged('vpc-1')).toBe(2)
  expect(asked).toEqual(['vpc-1', 'vpc-1'])
})

test('is read of each VPC by itself', async () => {
  const { asked, forged } = makeReadings()
  expect([await forged('vpc-1'), await forged('vpc-2'), await forged('vpc-1')]).toEqual([1, 2, 1])
  expect(asked).toEqual(['vpc-1', 'vpc-2'])
})

test('is tried again at once when it has failed', async () => {
  const { forged, breakNft } = makeReadings()
  breakNft(true)
  await expect(forged('vpc-1')).rejects.toThrow('nft is gone')
  breakNft(false)
  expect(await forged('vpc-1')).toBe(2)
})
