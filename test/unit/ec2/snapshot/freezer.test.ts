import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareFreeze } from '../../../../src/disk/freeze-file.ts'
import { DriveNotFrozen, type Machine } from '../../../../src/ec2/ports/machine.ts'
import { overlayPathOf } from '../../../../src/ec2/volume/volume.ts'
import { eventually, type FreezeBench, gib, layerIdOf, openFreezeBench } from './freeze-bench.ts'

const overlayOver = (name: string) => `${layerIdOf(name)}.qcow2`

/** What a daemon leaves that was killed when the machine had gone on in its new overlay, before it could record that. */
async function switchMachine(bench: FreezeBench, name: string): Promise<void> {
  const volume = bench.volume()
  if (!volume) throw new Error('no volume')
  const overlayPath = join(bench.paths.volumes, volume.id, overlayOver(name))
  await prepareFreeze({
    volumePath: overlayPathOf(bench.paths, volume),
    layerDirectory: join(bench.paths.layers, layerIdOf(name)),
    overlayPath,
    keepsOverlay: false,
  })
  await appendFile(overlayPath, 'written by the machine')
}

async function expectWritten(bench: FreezeBench, name: string): Promise<void> {
  expect(await readFile(join(bench.paths.volumes, bench.volumeId, overlayOver(name)), 'latin1')).toContain('written by')
}

test('leaves a volume as it was when it could not be frozen, also when the daemon is killed while that is taken back', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  const failing: typeof prepareFreeze = async (request) => {
    await prepareFreeze(request)
    throw new Error('ENOSPC')
  }
  const dying = bench.startDaemon({ killedAfter: 1, disks: { prepareFreeze: failing } })
  await expect(dying.volumes.settle(bench.volumeId)).rejects.toThrow('killed')
  expect(bench.stateOf('a')).toBe('error')
  expect(await bench.listOverlays()).toEqual(['disk.qcow2'])
  expect(await bench.listLayers()).toEqual([])
})

test('never takes back what a machine may have written to', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  await switchMachine(bench, 'a')
  let failures = 2
  const failing: typeof prepareFreeze = async (request) => {
    if (failures-- > 0) throw new Error('EIO')
    return await prepareFreeze(request)
  }
  bench.startDaemon({ disks: { prepareFreeze: failing } }).volumes.wake(bench.volumeId)
  await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
  await expectWritten(bench, 'a')
})

/** A machine that runs with the volume, and writes to that file of it; none when the guest has given the drive up. */
function machineWith(bench: FreezeBench, file: string | undefined, freezeDrives: () => Promise<void>): Machine {
  const volume = bench.volume()
  if (!volume) throw new Error('no volume')
  const attachment = {
    instanceId: 'i-1',
    deviceName: '/dev/sdf',
    state: 'attached' as const,
    attachTime: '',
    deleteOnTermination: false,
    port: 1,
  }
  bench.store.transaction(() => bench.store.volumes.replace({ ...volume, state: 'in-use', attachment }))
  const drives = file === undefined ? [] : [{ id: 'disk1', path: join(bench.paths.volumes, volume.id, file) }]
  return { listDrives: () => Promise.resolve(drives), freezeDrives } as Partial<Machine> as Machine
}

const freezePlugged = (bench: FreezeBench, machine: Machine) =>
  bench.startDaemon().freezer.freezePlugged(machine, bench.store.volumes.listAll())

test('never takes back what a machine writes to, though it refuses what is left to do', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  await switchMachine(bench, 'a')
  const machine = machineWith(bench, overlayOver('a'), () => Promise.reject(new DriveNotFrozen('no')))
  await expect(freezePlugged(bench, machine)).rejects.toThrow('no')
  expect(bench.stateOf('a')).toBe('pending')
  await expectWritten(bench, 'a')
})

test('a drive that the guest has given up is frozen when it is let go', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  await switchMachine(bench, 'a')
  await freezePlugged(
    bench,
    machineWith(bench, undefined, () => Promise.reject(new DriveNotFrozen('no'))),
  )
  expect(bench.stateOf('a')).toBe('pending')
  await bench.startDaemon().volumes.settle(bench.volumeId)
  await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
  await expectWritten(bench, 'a')
})

test('a snapshot that a machine refuses has failed, and nothing is left of it', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  await freezePlugged(
    bench,
    machineWith(bench, 'disk.qcow2', () => Promise.reject(new DriveNotFrozen('no'))),
  )
  expect(bench.store.snapshots.find('snap-a')).toMatchObject({ state: 'error', stateMessage: 'no' })
  expect(await bench.listOverlays()).toEqual(['disk.qcow2'])
  expect(await bench.listLayers()).toEqual([])
})

test('a growth does not reach the file that is to be a layer', async () => {
  const bench = await openFreezeBench()
  bench.planSnapshot('a')
  await switchMachine(bench, 'a')
  const shape = { sizeGib: 1, volumeType: 'gp3' }
  bench.store.transaction(() => {
    const volume = bench.volume()
    if (!volume) return
    bench.store.volumes.replace({
      ...volume,
      modification: { state: 'modifying', original: shape, target: { ...shape, sizeGib: 2 }, startTime: '' },
    })
  })
  await bench.startDaemon().volumes.settle(bench.volumeId)
  await eventually(() => expect(bench.stateOf('a')).toBe('completed'))
  await expectWritten(bench, 'a')
  expect(bench.store.layers.find(layerIdOf('a'))?.virtualSizeBytes).toBe(gib)
  expect(bench.volume()).toMatchObject({ sizeGib: 2, overlay: overlayOver('a'), modification: { state: 'completed' } })
})
