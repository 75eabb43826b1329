import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { execa } from 'execa'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeEmptyQcow2 } from '../../../src/disk/empty-qcow2.ts'
import { luksHeader } from '../../../src/disk/luks-header.ts'
import { systemRandom } from '../../../src/host/random.ts'
import { DriveNotFrozen, type Machine } from '../../../src/ec2/ports/machine.ts'
import type { DriveSpec, MachineSpec } from '../../../src/ec2/ports/machine-spec.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { createMachineHost } from '../../../src/machine/machine-host.ts'

const mib = 1024 ** 2
const dependencies = { processes: createProcessHost(), clock, log: pino({ level: 'silent' }) }

let directory: string
let machine: Machine

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-drives-'))
  await mkdir(join(directory, 'm'))
  await writeEmptyQcow2(join(directory, 'base'), { sizeBytes: 8 * mib })
  await writeOver('base', 'first')
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
    drives: [drive(0, 'first', 'base')],
    networkDevices: [],
  }
  const prepared = await createMachineHost(dependencies).prepare(spec)
  machine = await prepared.start([], () => undefined)
})
afterEach(async () => {
  await machine.kill()
  await rm(directory, { recursive: true, force: true })
})

function drive(port: number, name: string, backing?: string): DriveSpec {
  return {
    id: `disk${port}`,
    path: join(directory, name),
    ...(backing === undefined ? {} : { backingPath: join(directory, backing) }),
    serial: `vol${port}`,
    port,
    limits: { operations: { baseline: 3000 }, operationBytes: 262_144, bytes: { baseline: 131_072_000 } },
  }
}

async function writeOver(backing: string, name: string): Promise<string> {
  const path = join(directory, name)
  await writeEmptyQcow2(path, { sizeBytes: 8 * mib, backingPath: join(directory, backing) })
  return path
}

const digestOf = async (name: string) =>
  createHash('sha256')
    .update(await readFile(join(directory, name)))
    .digest('hex')

/** As another machine opens what it starts from: refused while anybody may write to it. */
async function readWithLock(name: string): Promise<void> {
  await execa('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read 0 4096', join(directory, name)])
}

test('freezes a drive in use, again and again, and what was frozen is free for others to read and never changes', async () => {
  await expect(readWithLock('first')).rejects.toThrow(/lock/)
  await machine.freezeDrives([{ id: 'disk0', overlayPath: await writeOver('first', 'second') }])
  expect(await machine.listDrives()).toMatchObject([{ id: 'disk0', path: join(directory, 'second') }])
  await readWithLock('first')
  const frozen = await digestOf('first')
  await machine.freezeDrives([{ id: 'disk0', overlayPath: await writeOver('second', 'third') }])
  await readWithLock('second')
  expect(await machine.listDrives()).toMatchObject([{ id: 'disk0', path: join(directory, 'third') }])
  await machine.kill()
  expect(await digestOf('first')).toBe(frozen)
})

test('freezes once when it is asked twice, as a daemon does that was killed before it could write it down', async () => {
  const overlayPath = await writeOver('first', 'second')
  await machine.freezeDrives([{ id: 'disk0', overlayPath }])
  await machine.freezeDrives([{ id: 'disk0', overlayPath }])
  expect(await machine.listDrives()).toMatchObject([{ id: 'disk0', path: overlayPath }])
})

test('freezes all of several drives or none', async () => {
  const good = { id: 'disk0', overlayPath: await writeOver('first', 'second') }
  const bad = { id: 'disk5', overlayPath: join(directory, 'absent') }
  await expect(machine.freezeDrives([good, bad])).rejects.toThrow(DriveNotFrozen)
  await expect(machine.freezeDrives([{ ...good, overlayPath: join(directory, 'absent') }])).rejects.toThrow(
    DriveNotFrozen,
  )
  expect(await machine.listDrives()).toMatchObject([{ id: 'disk0', path: join(directory, 'first') }])
  await expect(machine.plugDrive(drive(1, 'plain'))).rejects.toThrow(/No such file/)
  await writeEmptyQcow2(join(directory, 'plain'), { sizeBytes: 8 * mib })
  await machine.plugDrive(drive(1, 'plain'))
  await machine.freezeDrives([good, { id: 'disk1', overlayPath: await writeOver('plain', 'over-plain') }])
  expect((await machine.listDrives()).map(({ path }) => path)).toEqual([
    good.overlayPath,
    join(directory, 'over-plain'),
  ])
})

test('grows a drive in use', async () => {
  await machine.growDrive('disk0', 16 * mib)
  await machine.kill()
  const { stdout } = await execa('qemu-img', ['info', '-U', '--output=json', join(directory, 'first')])
  expect((JSON.parse(stdout) as { 'virtual-size': number })['virtual-size']).toBe(16 * mib)
})

test('plugs a drive, and takes its file from a guest that does not give it up', async () => {
  await writeEmptyQcow2(join(directory, 'plain'), { sizeBytes: 8 * mib })
  await machine.plugDrive(drive(3, 'plain'))
  await machine.freezeDrives([{ id: 'disk3', overlayPath: await writeOver('plain', 'over-plain') }])
  // Nobody listens in this machine: the request stays without an answer.
  await machine.unplugDrive('disk3')
  await machine.emptyDrive('disk3')
  await machine.closeDrive('disk3')
  expect(await machine.listDrives()).toMatchObject([{ id: 'disk0', path: join(directory, 'first') }, { id: 'disk3' }])
  await machine.plugDrive(drive(4, 'over-plain', 'plain'))
  await readWithLock('plain')
})

/** The files that QEMU has open of the directory. */
async function listOpenFiles(): Promise<string[]> {
  const descriptors = join('/proc', String(machine.pid), 'fd')
  const targets = await Promise.all(
    (await readdir(descriptors)).map((name) => readlink(join(descriptors, name)).catch(() => '')),
  )
  const own = targets.filter((target) => dirname(target) === directory)
  return [...new Set(own.map((target) => basename(target)))].sort()
}

test('goes on in a shorter chain when a layer was replaced, lets go of the long one, and is frozen as before', async () => {
  const drives = [{ id: 'disk0', overlayPath: await writeOver('first', 'second') }]
  await machine.freezeDrives(drives)
  await machine.freezeDrives([{ id: 'disk0', overlayPath: await writeOver('second', 'third') }])
  expect(await machine.listDrives()).toMatchObject([{ chainLength: 3 }])
  // As flattening leaves it: of the same content, on the root.
  await writeOver('base', 'flat')
  await rename(join(directory, 'flat'), join(directory, 'second'))
  await machine.renewBacking({ id: 'disk0', backingPath: join(directory, 'second') })
  expect(await machine.listDrives()).toEqual([{ id: 'disk0', path: join(directory, 'third'), chainLength: 2 }])
  expect(await listOpenFiles()).toEqual(['base', 'second', 'third'])
  // Again, over nodes that have been renewed, and a freeze over those.
  await machine.renewBacking({ id: 'disk0', backingPath: join(directory, 'second') })
  await machine.freezeDrives([{ id: 'disk0', overlayPath: await writeOver('third', 'fourth') }])
  await readWithLock('third')
  expect(await listOpenFiles()).toEqual(['base', 'fourth', 'second', 'third'])
  await writeOver('base', 'flat')
  await rename(join(directory, 'flat'), join(directory, 'third'))
  await machine.renewBacking({ id: 'disk0', backingPath: join(directory, 'third') })
  expect(await listOpenFiles()).toEqual(['base', 'fourth', 'third'])
  await machine.emptyDrive('disk0')
  await machine.closeDrive('disk0')
  expect(await listOpenFiles()).toEqual([])
})

test('plugs, freezes and renews an encrypted drive by keys that no command line holds, and forgets them', async () => {
  const keyId = 'datakey-1'
  const secret = 'b'.repeat(64)
  const key = { id: keyId, path: join(directory, keyId) }
  await writeFile(key.path, secret, { mode: 0o600 })
  const writeEncrypted = async (name: string, backing?: string) => {
    const path = join(directory, name)
    const under = backing === undefined ? {} : { backingPath: join(directory, backing), backingKeyId: keyId }
    await writeEmptyQcow2(path, { sizeBytes: 8 * mib, luksHeader: luksHeader(secret, systemRandom), ...under })
    return path
  }
  const readFrozen = async (name: string) => {
    const image = `driver=qcow2,encrypt.key-secret=${keyId},file.driver=file,file.filename=${join(directory, name)}`
    const object = `secret,id=${keyId},file=${key.path}`
    await execa('qemu-io', ['-r', '--object', object, '--image-opts', image, '-c', 'read 0 4096'])
  }
  await writeEncrypted('bottom')
  await writeEncrypted('lower', 'bottom')
  await machine.plugDrive({ ...drive(1, 'lower', 'bottom'), keyId, backingKeyId: keyId, keys: [key] })
  await machine.freezeDrives([{ id: 'disk1', overlayPath: await writeEncrypted('upper', 'lower'), keyId }])
  await readFrozen('lower')
  expect(await machine.listDrives()).toContainEqual({ id: 'disk1', path: join(directory, 'upper'), chainLength: 2 })
  await writeEncrypted('flat')
  await rename(join(directory, 'flat'), join(directory, 'lower'))
  await machine.renewBacking({ id: 'disk1', keyId, backingPath: join(directory, 'lower'), backingKeyId: keyId })
  expect(await machine.listDrives()).toContainEqual({ id: 'disk1', path: join(directory, 'upper'), chainLength: 1 })
  const commandLine = await readFile(`/proc/${machine.pid}/cmdline`, 'latin1')
  expect(commandLine).not.toContain(secret)
  await machine.emptyDrive('disk1')
  await machine.closeDrive('disk1')
  await machine.keepKeys([])
  await expect(machine.plugDrive({ ...drive(2, 'upper', 'lower'), keyId, backingKeyId: keyId })).rejects.toThrow(keyId)
})
