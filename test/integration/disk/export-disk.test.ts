import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ExportFormat, exportFormats } from '../../../src/ec2/ports/disk.ts'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

/** As `qemu-img` calls what an export has written. */
const formatNames = { qcow2: 'qcow2', raw: 'raw', vmdk: 'vmdk', vhd: 'vpc', vhdx: 'vhdx' } as const

/** A disk that stands on a layer, with something of its own in it and a size that is no whole number of VHD's cylinders. */
async function makeChain(lab: DiskLab): Promise<{ path: string; content: string }> {
  const base = await lab.disks.importLayer(await lab.makeRaw('disk.raw'), join(lab.layers, 'layer-1'), quietWork())
  const path = lab.path('overlay.qcow2')
  await lab.disks.createVolumeDisk({ path, backingPath: base.path, sizeBytes: 8 * mib })
  await lab.run('qemu-io', '-f', 'qcow2', '-c', 'write -P 0xab 2M 256k', path)
  return { path, content: await lab.contentOf(path, 'qcow2') }
}

async function exportTo(lab: DiskLab, path: string, format: ExportFormat): Promise<string> {
  await mkdir(lab.path('out'), { recursive: true })
  const destination = lab.path(`out/disk.${format}`)
  const { sizeBytes } = await lab.disks.exportDisk({ path, format, destination, isCompressed: true }, quietWork())
  expect((await stat(destination)).size).toBe(sizeBytes)
  expect((await stat(destination)).mode & 0o777).toBe(0o600)
  expect(await readdir(lab.path('out'))).toEqual([`disk.${format}`])
  return destination
}

describe.each(exportFormats)('%s', (format) => {
  test('holds a whole chain in one file, as long as the disk, and can be imported again', async () => {
    const lab = await createDiskLab()
    const { path, content } = await makeChain(lab)
    const exported = await exportTo(lab, path, format)
    if (format !== 'ova') expect(await lab.contentOf(exported, formatNames[format])).toBe(content)
    const again = await lab.disks.importLayer(exported, join(lab.layers, 'layer-2'), quietWork())
    expect(await lab.contentOf(again.path, 'qcow2')).toBe(content)
    expect(again.virtualSizeBytes).toBe(8 * mib)
  })
})

test('raw is sparse, a compressed qcow2 is smaller than a plain one', async () => {
  const lab = await createDiskLab({ maximumVirtualBytes: 2 ** 40 })
  const path = lab.path('volume.qcow2')
  await lab.disks.createVolumeDisk({ path, sizeBytes: 1024 * mib })
  await lab.run('qemu-io', '-f', 'qcow2', '-c', 'write -P 0xab 500M 8M', path)
  const raw = await exportTo(lab, path, 'raw')
  expect((await stat(raw)).size).toBe(1024 * mib)
  expect(await lab.disks.allocatedBytes(raw)).toBeLessThan(9 * mib)
  const destination = lab.path('out/plain.qcow2')
  const { sizeBytes } = await lab.disks.exportDisk({ path, format: 'qcow2', destination }, quietWork())
  expect(sizeBytes).toBeGreaterThan(8 * mib)
  await lab.run('rm', destination, raw)
  expect((await stat(await exportTo(lab, path, 'qcow2'))).size).toBeLessThan(mib)
})

test('an OVA has its description first, then a manifest with the digests of the others', async () => {
  const lab = await createDiskLab()
  const { path } = await makeChain(lab)
  const destination = lab.path('my server (1).ova')
  await lab.disks.exportDisk({ path, format: 'ova', destination }, quietWork())
  await mkdir(lab.path('unpacked'))
  await lab.run('tar', 'xf', destination, '-C', 'unpacked')
  const names = ['my-server-1-.ovf', 'my-server-1--disk1.vmdk']
  const listed = names.map(async (name) => {
    const bytes = await readFile(lab.path(`unpacked/${name}`))
    return `SHA256(${name})= ${createHash('sha256').update(bytes).digest('hex')}\n`
  })
  expect(await readFile(lab.path('unpacked/my-server-1-.mf'), 'utf8')).toBe((await Promise.all(listed)).join(''))
  const description = await readFile(lab.path(`unpacked/${names[0]}`), 'utf8')
  const { size } = await stat(lab.path(`unpacked/${names[1]}`))
  expect(description).toContain(`<File ovf:id="file1" ovf:href="${names[1]}" ovf:size="${size}"/>`)
  expect(description).toContain(`ovf:capacity="${8 * mib}"`)
})

test.each(['Converting', 'Packing'])('an export that is cancelled at "%s" leaves nothing', async (stage) => {
  const lab = await createDiskLab()
  const { path } = await makeChain(lab)
  await mkdir(lab.path('out'))
  const controller = new AbortController()
  const exporting = lab.disks.exportDisk(
    { path, format: 'ova', destination: lab.path('out/disk.ova') },
    {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.stage === stage) controller.abort()
      },
    },
  )
  await expect(exporting).rejects.toThrow()
  expect(await readdir(lab.path('out'))).toEqual([])
})

test('an export without the space for it is refused in numbers, and what was there stays', async () => {
  const lab = await createDiskLab()
  const { path } = await makeChain(lab)
  const destination = lab.path('disk.raw.old')
  await writeFile(destination, 'precious')
  const poor = await createDiskLab({ reservedBytes: 2 ** 60 })
  await expect(poor.disks.exportDisk({ path, format: 'raw', destination }, quietWork())).rejects.toMatchObject({
    code: 'InsufficientDiskSpace',
    message: expect.stringContaining('the export needs 4 MiB'),
  })
  expect(await readFile(destination, 'utf8')).toBe('precious')
  expect((await readdir(lab.directory)).filter((name) => name.includes('kiln-part'))).toEqual([])
})

test('a destination that cannot be written is told, and a link in the way of the work is not followed', async () => {
  const lab = await createDiskLab()
  const { path } = await makeChain(lab)
  const write = (destination: string) => lab.disks.exportDisk({ path, format: 'raw', destination }, quietWork())
  await expect(write(lab.path('nowhere/disk.raw'))).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: expect.stringContaining('Its directory does not exist'),
  })
  await expect(write('/proc/disk.raw')).rejects.toMatchObject({ code: 'InvalidParameterValue' })
  await writeFile(lab.path('victim'), 'precious')
  await symlink(lab.path('victim'), lab.path('out.raw.kiln-part'))
  await write(lab.path('out.raw'))
  expect(await readFile(lab.path('victim'), 'utf8')).toBe('precious')
})

test('what a killed export left goes', async () => {
  const lab = await createDiskLab()
  await mkdir(lab.path('out'))
  for (const name of ['disk.ova.kiln-part', 'disk.ova.kiln-part.vmdk']) await writeFile(lab.path(`out/${name}`), '')
  await lab.disks.removeInterruptedExport(lab.path('out/disk.ova'))
  expect(await readdir(lab.path('out'))).toEqual([])
})

test('a disk that is too large for VHD is refused', async () => {
  const lab = await createDiskLab()
  const path = lab.path('large.qcow2')
  await lab.disks.createVolumeDisk({ path, sizeBytes: 2041 * 1024 ** 3 })
  const exporting = lab.disks.exportDisk({ path, format: 'vhd', destination: lab.path('large.vhd') }, quietWork())
  await expect(exporting).rejects.toMatchObject({ code: 'UnsupportedOperation' })
})
