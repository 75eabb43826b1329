import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeEmptyQcow2 } from '../../../src/disk/empty-qcow2.ts'
import type { DriveLimits, DriveSpec, MachineSpec } from '../../../src/ec2/ports/machine-spec.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { machineFile } from '../../../src/host/state-paths.ts'
import { machineArgv } from '../../../src/machine/argv.ts'
import { createDriveBay, type DriveBay } from '../../../src/machine/drive-bay.ts'
import { connectQmp, type QmpClient } from '../../../src/machine/qmp.ts'

const mib = 1024 ** 2
/** So that a read that is let through at once cannot be mistaken for one that had to wait. */
const slow: DriveLimits = { operations: { baseline: 20 }, operationBytes: 4096, bytes: { baseline: 100 * mib } }
const fast: DriveLimits = { ...slow, operations: { baseline: 1_000_000 } }

let directory: string
let endQemu: () => Promise<unknown>
let qmp: QmpClient
let bay: DriveBay

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-limits-'))
  await mkdir(join(directory, 'm'))
  const spec: MachineSpec = {
    name: 'm',
    directory: join(directory, 'm'),
    architecture: 'x86_64',
    accelerator: 'tcg',
    machineType: 'pc-q35-7.2',
    cpuCount: 1,
    memoryMib: 64,
    uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
    generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
    drives: [await drive(0, slow), await drive(1, fast)],
    networkDevices: [],
  }
  const [program, ...rest] = machineArgv(spec)
  const qemu = execa(program, [...rest, '-S'], { reject: false })
  endQemu = async () => {
    qemu.kill('SIGKILL')
    await qemu
  }
  for (;;) {
    try {
      qmp = await connectQmp(join(directory, 'm', machineFile.qmpSocket), {
        onEvent: () => undefined,
        onClose: () => undefined,
      })
      break
    } catch {
      await clock.sleep(20)
    }
  }
  const link = {
    execute: (command: string, args?: Record<string, unknown>) => qmp.execute(command, args),
    waitUntilOpen: () => Promise.resolve(true),
  }
  bay = createDriveBay({ link, agentSocket: join(directory, 'absent') })
})
afterEach(async () => {
  qmp.close()
  await endQemu()
  await rm(directory, { recursive: true, force: true })
})

async function drive(port: number, limits: DriveLimits): Promise<DriveSpec> {
  const path = join(directory, `disk${port}`)
  await writeEmptyQcow2(path, { sizeBytes: 8 * mib })
  return { id: `disk${port}`, path, serial: `vol${port}`, port, limits }
}

/** How long QEMU takes for so many reads through what the device of a drive reads from. */
async function secondsFor(reads: number, driveId: string): Promise<number> {
  const nodes = (await qmp.execute('query-blockstats')) as { qdev: string; 'node-name': string }[]
  const node = nodes.find(({ qdev }) => qdev.includes(`/${driveId}-device/`))?.['node-name']
  const begin = clock.monotonicMs()
  for (let index = 0; index < reads; index++) {
    await qmp.execute('human-monitor-command', { 'command-line': `qemu-io ${node} "read 0 4096"` })
  }
  return (clock.monotonicMs() - begin) / 1000
}

/** Of twenty reads at twenty a second, some of which may find the bucket empty. */
const leastSeconds = 0.6

test('holds each drive to its own limits, from its start, through a freeze, and to others when it is told to', async () => {
  expect(await secondsFor(20, 'disk0')).toBeGreaterThan(leastSeconds)
  const overlayPath = join(directory, 'overlay')
  await writeEmptyQcow2(overlayPath, { sizeBytes: 8 * mib, backingPath: join(directory, 'disk0') })
  await bay.freezeDrives([{ id: 'disk0', overlayPath }])
  expect(await bay.listDrives()).toMatchObject([{ id: 'disk0', path: overlayPath }, { id: 'disk1' }])
  expect(await secondsFor(20, 'disk0')).toBeGreaterThan(leastSeconds)
  await bay.limitDrive('disk0', fast)
  await bay.limitDrive('disk1', slow)
  expect(await secondsFor(20, 'disk1')).toBeGreaterThan(leastSeconds)
  const limits = (await qmp.execute('qom-get', { path: '/objects/disk0-limits', property: 'limits' })) as object
  expect(limits).toMatchObject({ 'iops-total': 1_000_000, 'iops-size': 4096, 'bps-total': 100 * mib })
})

test('holds a drive that is plugged into a running machine to its limits, and forgets them with it', async () => {
  const plugged = await drive(2, slow)
  await bay.plugDrive(plugged)
  expect(await secondsFor(20, 'disk2')).toBeGreaterThan(leastSeconds)
  await bay.emptyDrive('disk2')
  await bay.closeDrive('disk2')
  const objects = (await qmp.execute('qom-list', { path: '/objects' })) as { name: string }[]
  expect(objects.map(({ name }) => name)).not.toContain('disk2-limits')
})

test('lets a burst through until its bucket is empty', async () => {
  const bucket = 200
  await bay.limitDrive('disk0', { ...slow, operations: { baseline: 20, burst: { rate: bucket, seconds: 1 } } })
  // What is beyond the bucket comes in at twenty a second.
  expect(await secondsFor(bucket + 40, 'disk0')).toBeGreaterThan(1.5)
})
