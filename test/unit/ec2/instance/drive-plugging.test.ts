import pino from 'pino'
import { expect, test } from 'vitest'
import { createDescriptionWriter } from '../../../../src/ec2/description/description-writer.ts'
import { createEventBus } from '../../../../src/ec2/event/event-bus.ts'
import { createDrivePlugging } from '../../../../src/ec2/instance/drive-plugging.ts'
import { createChainRenewal } from '../../../../src/ec2/volume/chain-renewal.ts'
import type { VolumeAttachment, VolumeRecord } from '../../../../src/ec2/volume/volume.ts'
import { systemClock as clock } from '../../../../src/host/clock.ts'
import { eventually, type FreezeBench, layerIdOf, openFreezeBench } from '../snapshot/freeze-bench.ts'

const instanceId = 'i-1'

function attach(bench: FreezeBench, state: VolumeAttachment['state'], volumeState: VolumeRecord['state']): void {
  const present = bench.volume()
  if (!present) throw new Error('no volume')
  const attachment = { instanceId, deviceName: '/dev/sdf', state, attachTime: '', deleteOnTermination: false, port: 1 }
  bench.store.transaction(() => bench.store.volumes.replace({ ...present, state: volumeState, attachment }))
}

async function settle(bench: FreezeBench): Promise<void> {
  const { store, paths } = bench
  const log = pino({ level: 'silent' })
  const { volumes, freezer } = bench.startDaemon()
  const events = createEventBus({ store, clock })
  const descriptions = createDescriptionWriter({ store, paths, log })
  const chains = createChainRenewal({ store, paths, log })
  const parts = { store, clock, paths, events, volumes, freezer, chains, descriptions, log }
  await createDrivePlugging(parts).settle(instanceId)
}

test('a volume that was to be plugged into a machine that has ended is attached', async () => {
  const bench = await openFreezeBench()
  attach(bench, 'attaching', 'in-use')
  await settle(bench)
  expect(bench.volume()?.attachment?.state).toBe('attached')
})

test('a volume that its launch has not made yet is not', async () => {
  const bench = await openFreezeBench()
  attach(bench, 'attaching', 'creating')
  await settle(bench)
  expect(bench.volume()).toMatchObject({ state: 'creating', attachment: { state: 'attaching' } })
})

test('a volume that leaves is let go when there is no machine, and the snapshot that it waited with is taken', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  attach(bench, 'detaching', 'in-use')
  await settle(bench)
  expect(bench.volume()).toMatchObject({ state: 'available', layerId: layerIdOf('a') })
  expect(bench.volume()?.attachment).toBeUndefined()
  await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
})
