import { mkdir, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Machine } from '../../../src/ec2/ports/machine.ts'
import type { MachineSpec } from '../../../src/ec2/ports/machine-spec.ts'
import { type SavedState, StateNotLoaded } from '../../../src/ec2/ports/machine-state.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { createMachineHost } from '../../../src/machine/machine-host.ts'

const host = createMachineHost({ processes: createProcessHost(), clock, log: pino({ level: 'silent' }) })

let directory: string
let spec: MachineSpec
let statePath: string
let machine: Machine

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-machine-'))
  statePath = join(directory, 'm', 'memory.state')
  await mkdir(join(directory, 'm'))
  spec = {
    name: 'm',
    directory: join(directory, 'm'),
    architecture: 'x86_64',
    accelerator: 'tcg',
    machineType: 'pc-q35-7.2',
    cpuCount: 1,
    memoryMib: 64,
    uuid: 'ec2aaaaa-0000-4000-8000-000000000001',
    generationId: 'bbbbbbbb-0000-4000-8000-000000000002',
    drives: [
      {
        id: 'disk0',
        path: await makeReciter(),
        serial: 'vol0',
        port: 0,
        bootIndex: 0,
        limits: { operations: { baseline: 3000 }, operationBytes: 262_144, bytes: { baseline: 131_072_000 } },
      },
    ],
    networkDevices: [],
  }
  machine = await (await host.prepare(spec)).start([], () => undefined)
  await recited(20)
})
afterEach(async () => {
  await machine.kill()
  await rm(directory, { recursive: true, force: true })
})

/** A disk whose boot sector recites the alphabet on the serial port, again and again, from A. */
async function makeReciter(): Promise<string> {
  const program = [
    0xfa, // cli
    ...[0xb1, 0x41], // mov cl, 'A'
    ...[0xba, 0xf8, 0x03], // again: mov dx, 0x3f8
    ...[0x88, 0xc8, 0xee], // mov al, cl; out dx, al
    ...[0xfe, 0xc1, 0x80, 0xf9, 0x5b], // inc cl; cmp cl, 'Z' + 1
    ...[0x75, 0x02, 0xb1, 0x41], // jne wait; mov cl, 'A'
    ...[0x66, 0xbb, 0x40, 0x42, 0x0f, 0x00], // wait: mov ebx, 1000000
    ...[0x66, 0x4b, 0x75, 0xfc], // dec ebx; jnz back
    ...[0xeb, 0xe5], // jmp again
  ]
  const disk = Buffer.alloc(1024 * 1024)
  Buffer.from(program).copy(disk)
  disk.writeUInt16LE(0xaa55, 510)
  const [raw, qcow2] = [join(directory, 'disk.raw'), join(directory, 'disk.qcow2')]
  await writeFile(raw, disk)
  await execa('qemu-img', ['convert', '-O', 'qcow2', raw, qcow2])
  return qcow2
}

const recital = async () => await readFile(join(directory, 'm', 'console.log'), 'latin1')

async function recited(length: number): Promise<string> {
  for (;;) {
    const text = await recital()
    if (text.length >= length) return text
    await clock.sleep(20)
  }
}

async function goOn(saved: SavedState, key?: Buffer, onLoaded = async () => undefined as void): Promise<void> {
  const prepared = await host.prepare(spec)
  machine = await prepared.start([], () => undefined, {
    file: { path: statePath, ...(key ? { key } : {}) },
    saved,
    onLoaded,
  })
}

/** Not once from the beginning again. */
function expectUninterrupted(text: string): void {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
  expect(text).toBe(alphabet.repeat(Math.ceil(text.length / alphabet.length)).slice(0, text.length))
}

describe.each([
  ['as it is', undefined],
  ['encrypted', randomBytes(32)],
])('memory that is kept %s', (_how, key) => {
  test('may be asked for twice, as by a daemon that ended before it could write the first down', async () => {
    const file = { path: statePath, ...(key ? { key } : {}) }
    await machine.saveState(file)
    const saved = await machine.saveState(file)
    const before = await recital()
    await machine.quit()
    await goOn(saved, key)
    expectUninterrupted(await recited(before.length + 40))
  })

  test('is what a later machine goes on with', async () => {
    const saved = await machine.saveState({ path: statePath, ...(key ? { key } : {}) })
    const before = await recital()
    await clock.sleep(200)
    expect(await recital()).toBe(before)
    await machine.quit()
    const seen: string[] = []
    await goOn(saved, key, async () => {
      seen.push(await recital())
    })
    // Nothing ran before it was told that everything is loaded.
    expect(seen).toEqual([before])
    expectUninterrupted(await recited(before.length + 40))
  })

  test.each([
    ['a byte less', async () => await truncate(statePath, (await stat(statePath)).size - 1)],
    ['another byte in the midst', async () => await damage(200_000)],
    ['another byte at its end', async () => await damage((await stat(statePath)).size - 1)],
    ['nothing in it', async () => await truncate(statePath, 0)],
    ['gone', async () => await rm(statePath)],
  ])('is not taken with %s', async (_what, change) => {
    const saved = await machine.saveState({ path: statePath, ...(key ? { key } : {}) })
    const before = await recital()
    await machine.quit()
    await change()
    await expect(goOn(saved, key)).rejects.toThrow(StateNotLoaded)
    expect(await recital()).toBe(before)
  })
})

async function damage(offset: number): Promise<void> {
  const file = await open(statePath, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset)
  await file.write(Buffer.from([buffer.readUInt8(0) ^ 0xff]), 0, 1, offset)
  await file.close()
}

test('a file of another key is not taken', async () => {
  const saved = await machine.saveState({ path: statePath, key: randomBytes(32) })
  await machine.quit()
  await expect(goOn(saved, randomBytes(32))).rejects.toThrow(StateNotLoaded)
})

test('a machine whose memory could not be written goes on, and can be asked again', async () => {
  await expect(machine.saveState({ path: join(directory, 'absent', 'memory.state') })).rejects.toThrow('ENOENT')
  const before = await recital()
  await recited(before.length + 20)
  const saved = await machine.saveState({ path: statePath })
  await machine.quit()
  await goOn(saved)
  expectUninterrupted(await recited((await recital()).length + 20))
})
