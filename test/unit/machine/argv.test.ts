import { expect, test } from 'vitest'
import type { MachineSpec } from '../../../src/ec2/ports/machine.ts'
import { machineArgv } from '../../../src/machine/argv.ts'

const spec: MachineSpec = {
  name: 'i-0123456789abcdef0',
  directory: '/state/machines/i-0123456789abcdef0',
  architecture: 'x86_64',
  accelerator: 'tcg',
  machineType: 'pc-q35-7.2',
  cpuCount: 2,
  memoryMib: 512,
  uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
  generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
  drives: [
    {
      id: 'disk0',
      path: '/state/volumes/vol-0123456789abcdef0/disk.qcow2',
      serial: 'vol0123456789abcdef0',
      port: 0,
      bootIndex: 0,
    },
  ],
  networkDevices: [{ id: 'nic0', tapName: 'eni0123456789a', mac: '02:00:00:00:00:01', port: 0 }],
}

test('gives QEMU a whole machine', () => {
  expect(machineArgv(spec).join('\n')).toMatchInlineSnapshot()
})

test('gives the same machine for the same spec, whatever was made in between', () => {
  const before = machineArgv(spec)
  machineArgv({ ...spec, cpuCount: 4, drives: [] })
  expect(machineArgv(structuredClone(spec))).toEqual(before)
})

test('keeps a comma in a path from beginning another option', () => {
  const argv = machineArgv({ ...spec, directory: '/state/a,server=off' })
  expect(argv.filter((word) => word.includes('/state/a,server=off'))).toEqual(['/state/a,server=off/qemu.pid'])
  expect(argv).toContain('socket,id=qmp,path=/state/a,,server=off/qmp.sock,server=on,wait=off')
})

test('asks KVM for the processor of the host', () => {
  const argv = machineArgv({ ...spec, accelerator: 'kvm' })
  expect(argv.slice(argv.indexOf('-accel'), argv.indexOf('-accel') + 4)).toEqual(['-accel', 'kvm', '-cpu', 'host'])
})

test('boots a kernel past the boot loader when there is one', () => {
  const kernel = { path: '/k/vmlinuz', initrdPath: '/k/initrd', commandLine: 'console=ttyS0' }
  const argv = machineArgv({ ...spec, kernel })
  expect(argv.slice(-6)).toEqual(['-kernel', '/k/vmlinuz', '-initrd', '/k/initrd', '-append', 'console=ttyS0'])
})

test('leaves a root port for each device that may come later', () => {
  const ports = machineArgv(spec).filter((word) => word.includes('pcie-root-port'))
  const places = ports.map((word) => (JSON.parse(word) as { addr: string; chassis: number }).addr)
  expect(ports).toHaveLength(16)
  expect(new Set(places).size).toBe(16)
})
