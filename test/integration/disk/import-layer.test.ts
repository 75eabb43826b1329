import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createDiskLab, mib, quietWork } from './disk-lab.ts'

const qemuFormats = [
  ['raw', []],
  ['qcow2', []],
  ['qcow2', ['-o', 'compat=0.10']],
  ['qcow2', ['-c', '-o', 'compression_type=zstd']],
  ['qcow2', ['-o', 'cluster_size=2M,extended_l2=on']],
  ['vmdk', []],
  ['vmdk', ['-o', 'subformat=streamOptimized']],
  ['vpc', []],
  ['vpc', ['-o', 'subformat=fixed']],
  ['vhdx', []],
] as const

describe('what a guest reads is the same after an import', () => {
  test.each(qemuFormats)('of %s %j', async (format, options) => {
    const lab = await createDiskLab()
    const raw = await lab.makeRaw('disk.raw')
    const source = lab.path('source')
    await lab.run('qemu-img', 'convert', '-f', 'raw', '-O', format, ...options, raw, source)
    const layer = await lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork())
    expect(await lab.contentOf(layer.path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
  })

  test.each([
    ['gz', 'gzip', ['-k']],
    ['xz', 'xz', ['-k', '-1']],
    ['zst', 'zstd', ['-q']],
  ])('of a raw disk packed as .%s', async (suffix, tool, args) => {
    const lab = await createDiskLab()
    const raw = await lab.makeRaw('disk.raw')
    await lab.run(tool, ...args, raw)
    const layer = await lab.disks.importLayer(`${raw}.${suffix}`, join(lab.layers, 'layer-1'), quietWork())
    expect(await lab.contentOf(layer.path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
  })

  test('of an OVA in a gzip', async () => {
    const lab = await createDiskLab()
    const raw = await lab.makeRaw('disk.raw')
    await lab.run('qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, 'disk.vmdk')
    await lab.run('touch', 'machine.ovf')
    await lab.run('tar', 'czf', 'machine.ova', 'machine.ovf', 'disk.vmdk')
    const layer = await lab.disks.importLayer(lab.path('machine.ova'), join(lab.layers, 'layer-1'), quietWork())
    expect(await lab.contentOf(layer.path, 'qcow2')).toBe(await lab.contentOf(raw, 'raw'))
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
