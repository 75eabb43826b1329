import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'

const keyId = 'datakey-1'
const marker = 'the-plaintext-of-a-guest'

const keyArguments = async (lab: DiskLab) =>
  (await readdir(lab.path('keyring'))).flatMap((id) => [
    '--object',
    `secret,id=${id},file=${join(lab.path('keyring'), id)}`,
  ])

/** The options by which QEMU opens an encrypted disk of the lab. */
const imageOf = (path: string, id = keyId) =>
  `driver=qcow2,encrypt.key-secret=${id},file.driver=file,file.filename=${path}`

async function writeText(lab: DiskLab, path: string, text: string, offset: number): Promise<void> {
  const source = lab.path('text')
  await lab.run('sh', '-c', `printf %s ${text} > text; truncate -s 4096 text`)
  const keys = await keyArguments(lab)
  await execa('qemu-io', [...keys, '--image-opts', imageOf(path), '-c', `write -s ${source} ${offset} 4096`])
}

/** What a guest would read. */
async function readAll(lab: DiskLab, path: string, id = keyId): Promise<Buffer> {
  const raw = lab.path('raw')
  await execa('qemu-img', [
    'convert',
    ...(await keyArguments(lab)),
    '--image-opts',
    imageOf(path, id),
    '-O',
    'raw',
    raw,
  ])
  return await readFile(raw)
}

async function makeVolume(lab: DiskLab, name: string, backing: { backingPath?: string; backingKeyId?: string } = {}) {
  const path = lab.path(name)
  await lab.disks.createVolumeDisk({ path, keyId, sizeBytes: 8 * mib, ...backing })
  return path
}

test('what is written to an encrypted volume is nowhere on the disk, and its key is its owner’s alone', async () => {
  const lab = await createDiskLab()
  const path = await makeVolume(lab, 'volume')
  await writeText(lab, path, marker, mib)
  expect((await readAll(lab, path)).includes(marker, mib)).toBe(true)
  const file = await readFile(path)
  expect(file.includes(marker)).toBe(false)
  const key = await readFile(join(lab.path('keyring'), keyId), 'utf8')
  expect(key).toMatch(/^[0-9a-f]{64}$/)
  expect(file.includes(key)).toBe(false)
  expect((await stat(join(lab.path('keyring'), keyId))).mode & 0o777).toBe(0o600)
  expect((await stat(lab.path('keyring'))).mode & 0o777).toBe(0o700)
  await expect(execa('qemu-io', ['-f', 'qcow2', '-c', 'read 0 4096', path])).rejects.toThrow(/key-secret/)
})

test('an encrypted volume grows, is frozen, and its chain is flattened, with what was on it', async () => {
  const lab = await createDiskLab()
  const bottom = await makeVolume(lab, 'bottom')
  await writeText(lab, bottom, 'first', mib)
  await lab.disks.growVolumeDisk({ path: bottom, sizeBytes: 16 * mib, keyId })
  let volumePath = bottom
  for (const [index, text] of ['second', 'third'].entries()) {
    const overlayPath = lab.path(`overlay-${index}`)
    const layerDirectory = join(lab.layers, `layer-${index}`)
    await lab.disks.prepareFreeze({ volumePath, layerDirectory, overlayPath, keepsOverlay: false, keyId })
    await writeText(lab, overlayPath, text, (index + 2) * mib)
    volumePath = overlayPath
  }
  const expected = await readAll(lab, volumePath)
  expect(expected.length).toBe(16 * mib)
  for (const [index, text] of ['first', 'second', 'third'].entries())
    expect(expected.indexOf(text)).toBe((index + 1) * mib)

  const flat = lab.path('flat')
  const lower = join(lab.layers, 'layer-0/disk.qcow2')
  const layer = { path: volumePath, keyId, basePath: lower, baseKeyId: keyId, chainKeyIds: [keyId], destination: flat }
  await lab.disks.flattenLayer(layer, quietWork())
  expect(await lab.disks.readBackingPath(flat)).toBe(lower)
  expect((await readAll(lab, flat)).equals(expected)).toBe(true)
  expect((await readFile(flat)).includes('second')).toBe(false)
  expect(await lab.disks.checkLayer({ path: flat, keyId }, quietWork())).toHaveProperty('sha256')
})

test('a copy of a plain layer is encrypted, and one of an encrypted layer is by another key', async () => {
  const lab = await createDiskLab()
  const { path: plain } = await lab.disks.importLayer(
    await lab.makeRaw('disk.raw'),
    join(lab.layers, 'plain'),
    quietWork(),
  )
  const over = await makeVolume(lab, 'over', { backingPath: plain })
  await writeText(lab, over, marker, 2 * mib)
  const expected = await readAll(lab, over)
  const copied = await lab.disks.encryptLayer(
    {
      source: { path: over, keyId },
      chainKeyIds: [keyId],
      chainBytes: mib,
      directory: join(lab.layers, 'copied'),
      keyId: 'datakey-2',
    },
    quietWork(),
  )
  expect((await readAll(lab, copied.path, 'datakey-2')).equals(expected)).toBe(true)
  expect(await lab.disks.readBackingPath(copied.path)).toBeUndefined()
  const file = await readFile(copied.path)
  // Some of what the image holds in plain.
  expect(file.includes((await readFile(lab.path('disk.raw'))).subarray(mib, mib + 64))).toBe(false)
  await expect(readAll(lab, copied.path)).rejects.toThrow()
})

test.each(['raw', 'qcow2', 'vmdk', 'vpc', 'vhdx'])(
  'a %s that is imported by a key is nowhere in plain',
  async (format) => {
    const lab = await createDiskLab()
    const raw = await lab.makeRaw('disk.raw')
    const source = lab.path('source')
    await lab.run('qemu-img', 'convert', '-f', 'raw', '-O', format, raw, source)
    const layer = await lab.disks.importLayer(source, join(lab.layers, 'layer-1'), quietWork(), { keyId })
    const plain = await readFile(raw)
    // VHD rounds the size up to whole cylinders.
    expect((await readAll(lab, layer.path)).subarray(0, plain.length).equals(plain)).toBe(true)
    expect((await readFile(layer.path)).includes(plain.subarray(4 * mib, 4 * mib + 512))).toBe(false)
  },
)

test('half of a key that a killed daemon was writing goes with the next start, the keys stay', async () => {
  const lab = await createDiskLab()
  await makeVolume(lab, 'volume')
  await writeFile(join(lab.path('keyring'), 'datakey-2.0123abcd.7.tmp'), 'half')
  await lab.disks.removeInterrupted(lab.layers)
  expect(await readdir(lab.path('keyring'))).toEqual([keyId])
})
