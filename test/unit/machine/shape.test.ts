import { expect, test } from 'vitest'
import type { DriveSpec, MachineSpec } from '../../../src/ec2/ports/machine-spec.ts'
import { shapeOf } from '../../../src/machine/shape.ts'

const limits = { operations: { baseline: 3000 }, operationBytes: 262_144, bytes: { baseline: 131_072_000 } }
const drive: DriveSpec = { id: 'disk0', path: '/a.qcow2', serial: 'vol0', port: 0, limits }
const device = { id: 'nic0', tapName: 'eni1', mac: '02:00:00:00:00:01', port: 0 }
const spec: MachineSpec = {
  name: 'i-1',
  directory: '/machines/i-1',
  architecture: 'x86_64',
  accelerator: 'tcg',
  machineType: 'pc-q35-7.2',
  cpuCount: 1,
  memoryMib: 512,
  uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
  generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
  drives: [drive, { ...drive, id: 'disk1', port: 1 }],
  networkDevices: [device],
}

test('two machines have one shape when only files, taps, rates and the order of drives differ', async () => {
  const other = {
    ...spec,
    generationId: 'cccccccc-0000-4000-8000-000000000002',
    drives: spec.drives
      .toReversed()
      .map((one) => ({ ...one, path: '/b.qcow2', limits: { ...limits, operationBytes: 1 } })),
    networkDevices: [{ ...device, tapName: 'eni2' }],
  }
  expect(await shapeOf(other)).toBe(await shapeOf(spec))
})

test.each<[string, Partial<MachineSpec>]>([
  ['memory', { memoryMib: 1024 }],
  ['processors', { cpuCount: 2 }],
  ['an accelerator', { accelerator: 'kvm' }],
  ['a machine type', { machineType: 'pc-q35-8.2' }],
  ['a drive less', { drives: [drive] }],
  ['a drive elsewhere', { drives: [drive, { ...drive, id: 'disk1', port: 2 }] }],
  ['an interface of another address', { networkDevices: [{ ...device, mac: '02:00:00:00:00:02' }] }],
  ['a TPM', { hasTpm: true }],
  ['a QEMU of another architecture', { architecture: 'arm64' }],
])('another one has another shape: %s', async (_what, changes) => {
  expect(await shapeOf({ ...spec, ...changes })).not.toBe(await shapeOf(spec))
})
