import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

type Make = (lab: DiskLab, raw: string, source: string) => Promise<void>

function byQemuImg(format: string, ...options: string[]): Make {
  return (lab, raw, source) => lab.run('qemu-img', 'convert', '-f', 'raw', '-O', format, ...options, raw, source)
}

/** As VMware and VirtualBox export a machine: its description first, then the disk. */
const asAppliance: Make = async (lab, raw, source) => {
  await byQemuImg('vmdk', '-o', 'subformat=streamOptimized')(lab, raw, lab.path('machine-disk1.vmdk'))
  await writeFile(lab.path('machine.ovf'), '<Envelope/>')
  await lab.run('tar', 'cf', source, 'machine.ovf', 'machine-disk1.vmdk')
}

const formats: [name: string, make: Make][] = [
  ['raw', byQemuImg('raw')],
  ['qcow2', byQemuImg('qcow2')],
  ['qcow2 of version 2', byQemuImg('qcow2', '-o', 'compat=0.10')],
  ['compressed qcow2', byQemuImg('qcow2', '-c', '-o', 'compression_type=zstd')],
  ['qcow2 with extended L2 entries', byQemuImg('qcow2', '-o', 'cluster_size=2M,extended_l2=on')],
  ['monolithicSparse VMDK', byQemuImg('vmdk')],
  ['streamOptimized VMDK', byQemuImg('vmdk', '-o', 'subformat=streamOptimized')],
  ['dynamic VHD', byQemuImg('vpc')],
  ['fixed VHD', byQemuImg('vpc', '-o', 'subformat=fixed')],
  ['dynamic VHDX', byQemuImg('vhdx')],
  ['fixed VHDX', byQemuImg('vhdx', '-o', 'subformat=fixed')],
  ['OVA', asAppliance],
]

/** Each leaves the packed file in the place of the plain one. */
const packings: [name: string, pack: (lab: DiskLab, source: string) => Promise<void>][] = [
  ['as it is', async () => undefined],
  ['in gzip', packedBy('gz', 'gzip', '-1')],
  ['in xz', packedBy('xz', 'xz', '-0')],
  ['in zstd', packedBy('zst', 'zstd', '-q', '--rm')],
]

function packedBy(suffix: string, ...command: [string, ...string[]]) {
  return async (lab: DiskLab, source: string): Promise<void> => {
    await lab.run(...command, source)
    await lab.run('mv', `${source}.${suffix}`, source)
  }
}

describe.each(formats)('%s', (_format, make) => {
  test.each(packings)('%s: a guest reads after the import what it read before', async (_packing, pack) => {
    const lab = await createDiskLab()
    const raw = await lab.makeRaw('disk.raw')
    const source = lab.path('source')
    await make(lab, raw, source)
    await pack(lab, source)
    const layer = await lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork())
    expect(await lab.contentOf(layer.path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
  })
})

test('an xz in an OVA in a gzip', async () => {
  const lab = await createDiskLab()
  const raw = await lab.makeRaw('disk.raw')
  await lab.run('xz', '-k', '-0', raw)
  await lab.run('tar', 'czf', 'machine.ova', 'disk.raw.xz')
  const layer = await lab.disks.importLayer(lab.path('machine.ova'), join(lab.layers, 'layer-1'), quietWork())
  expect(await lab.contentOf(layer.path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
})

describe('without the space for it an import is refused and leaves nothing', () => {
  test.each([
    ['packed', packedBy('gz', 'gzip', '-1'), 'The disk ran full during unpacking'],
    ['plain', async () => undefined, 'There is not enough disk space: the import needs'],
  ] as const)('%s', async (_how, pack, message) => {
    const lab = await createDiskLab({ reservedBytes: 2 ** 60 })
    const source = lab.path('source')
    await byQemuImg('qcow2')(lab, await lab.makeRaw('disk.raw'), source)
    await pack(lab, source)
    await expect(lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork())).rejects.toMatchObject({
      code: 'InsufficientDiskSpace',
      message: expect.stringContaining(message),
    })
    expect(await lab.listLayers()).toEqual([])
  })
})

test('a layer is alone in its directory, read-only, and as it is described', async () => {
  const lab = await createDiskLab()
  const raw = await lab.makeRaw('disk.raw')
  const directory = join(lab.layers, 'layer-1')
  const layer = await lab.disks.importLayer(raw, directory, quietWork())
  const content = await readFile(layer.path)
  expect(layer).toEqual({
    path: join(directory, 'disk.qcow2'),
    virtualSizeBytes: 8 * mib,
    fileSizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  })
  expect((await stat(layer.path)).mode & 0o777).toBe(0o444)
  expect(await lab.listLayers()).toEqual(['layer-1'])
  expect(await readFile(raw)).toHaveLength(8 * mib)
})

test('tells how far the conversion has come', async () => {
  const lab = await createDiskLab()
  const work = quietWork()
  await lab.disks.importLayer(await lab.makeRaw('disk.raw'), join(lab.layers, 'layer-1'), work)
  const converting = work.told.filter(({ stage }) => stage === 'Converting').map(({ doneBytes }) => doneBytes ?? -1)
  expect(converting.length).toBeGreaterThan(1)
  expect(converting).toEqual([...converting].sort((one, other) => one - other))
  expect(converting.at(-1)).toBe(8 * mib)
  expect(work.told.at(-1)?.stage).toBe('Verifying')
})

test('a volume over a layer reads as the layer, as large as asked', async () => {
  const lab = await createDiskLab()
  const raw = await lab.makeRaw('disk.raw')
  const layer = await lab.disks.importLayer(raw, join(lab.layers, 'layer-1'), quietWork())
  const path = lab.path('volume.qcow2')
  await lab.disks.createVolumeDisk({ path, backingPath: layer.path, sizeBytes: 16 * mib })
  expect(await lab.contentOf(path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
  await lab.run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path, 'volume.raw')
  expect((await stat(lab.path('volume.raw'))).size).toBe(16 * mib)
})
