import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa, execaSync } from 'execa'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Machine, MachineEvent } from '../../../src/ec2/ports/machine.ts'
import type { MachineSpec, DriveLimits } from '../../../src/ec2/ports/machine-spec.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { isProcessAlive, readStartTicks } from '../../../src/host/process-table.ts'
import { createMachineHost } from '../../../src/machine/machine-host.ts'

const limits: DriveLimits = {
  operations: { baseline: 3000 },
  operationBytes: 262_144,
  bytes: { baseline: 131_072_000 },
}
const dependencies = { processes: createProcessHost(), clock, log: pino({ level: 'silent' }) }
const accelerators = startsOnKvm() ? (['tcg', 'kvm'] as const) : (['tcg'] as const)

/** Nested KVM may be too little for QEMU itself. */
function startsOnKvm(): boolean {
  const machine = ['-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'kvm', '-cpu', 'host', '-S']
  return (
    execaSync('qemu-system-x86_64', [...machine, '-monitor', 'stdio'], { input: 'quit\n', reject: false }).exitCode ===
    0
  )
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isDone())) await clock.sleep(20)
}

// Firmware runs on any KVM; whether a kernel does is what the accelerator's proof is for.
describe.each(accelerators)('a machine with %s', (accelerator) => {
  let directory: string
  let machines: string
  let spec: MachineSpec
  let events: MachineEvent[]
  let machine: Machine

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kiln-machine-'))
    machines = join(directory, 'machines')
    await mkdir(join(machines, 'm'), { recursive: true })
    events = []
    spec = {
      name: 'm',
      directory: join(machines, 'm'),
      architecture: 'x86_64',
      accelerator,
      machineType: 'pc-q35-7.2',
      cpuCount: 1,
      memoryMib: 64,
      uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
      generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
      drives: [{ id: 'disk0', path: await makeHaltingDisk(directory), serial: 'vol0', port: 0, bootIndex: 0, limits }],
      networkDevices: [],
    }
    const prepared = await createMachineHost(dependencies).prepare(spec)
    machine = await prepared.start([], (event) => events.push(event))
  })
  afterEach(async () => {
    await machine.kill()
    await rm(directory, { recursive: true, force: true })
  })

  test('runs its firmware, which draws on the screen', async () => {
    expect(await machine.queryState()).toBe('running')
    await until(async () => {
      const screen = await machine.screenDump()
      // Past the header: a pixel that is not black.
      return screen.subarray(64).some((byte) => byte !== 0)
    })
  })

  test('is taken over by a later daemon and tells that one of its end', async () => {
    const later: MachineEvent[] = []
    const adopted = await createMachineHost(dependencies).adopt(spec.directory, (event) => later.push(event))
    expect('pid' in adopted && adopted.pid).toBe(machine.pid)
    process.kill(machine.pid, 'SIGKILL')
    await until(() => later.some(({ kind }) => kind === 'ended'))
    expect(later.find(({ kind }) => kind === 'ended')).toMatchObject({ isClean: false })
    expect(await createMachineHost(dependencies).adopt(spec.directory, () => undefined)).toEqual({
      kind: 'gone',
      isClean: false,
      isHostRebooted: false,
    })
  })

  test('is found by its arguments when the crash came before its process was written down', async () => {
    await rm(join(spec.directory, 'process.json'))
    const adopted = await createMachineHost(dependencies).adopt(spec.directory, () => undefined)
    expect('pid' in adopted && adopted.pid).toBe(machine.pid)
  })

  test('is ended as a stray when no instance owns it', async () => {
    const identity = { pid: machine.pid, startTicks: (await readStartTicks(machine.pid)) ?? 0 }
    expect(await createMachineHost(dependencies).removeStrays(machines, new Set(['other']))).toEqual(['m'])
    await until(async () => !(await isProcessAlive(identity)))
    await until(() => events.some(({ kind }) => kind === 'ended'))
  })
})

test('says what QEMU printed when it cannot start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-machine-'))
  try {
    const prepared = await createMachineHost(dependencies).prepare({
      name: 'm',
      directory,
      architecture: 'x86_64',
      accelerator: 'tcg',
      machineType: 'pc-q35-7.2',
      cpuCount: 1,
      memoryMib: 64,
      uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
      generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
      drives: [{ id: 'disk0', path: join(directory, 'absent.qcow2'), serial: 'vol0', port: 0, limits }],
      networkDevices: [],
    })
    const started = prepared.start([], () => undefined)
    await expect(started).rejects.toThrow(/absent\.qcow2.*No such file/)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

/** A boot sector that halts the processor. */
async function makeHaltingDisk(directory: string): Promise<string> {
  const sector = Buffer.alloc(1024 * 1024)
  Buffer.from([0xfa, 0xf4, 0xeb, 0xfd]).copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  const raw = join(directory, 'disk.raw')
  const path = join(directory, 'disk.qcow2')
  await writeFile(raw, sector)
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path])
  return path
}
