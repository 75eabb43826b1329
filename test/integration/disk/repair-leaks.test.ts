import { link, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { createDiskLab, type DiskLab, mib, quietWork } from './disk-lab.ts'
import { leakCluster } from './leaks.ts'

const keyId = 'volkey-00000000000000001'

/** A volume over a layer, in which a cluster is lost. */
async function makeLeaking(lab: DiskLab, key: { keyId?: string } = {}) {
  const layer = await lab.disks.importLayer(await lab.makeRaw('disk.raw'), join(lab.layers, 'layer-1'), quietWork())
  const path = lab.path('volume.qcow2')
  await lab.disks.createVolumeDisk({ path, backingPath: layer.path, sizeBytes: 8 * mib, ...key })
  await leakCluster(path)
  return path
}

async function check(lab: DiskLab, path: string, key?: string): Promise<number | undefined> {
  const options = `driver=qcow2,file.filename=${path}`
  const [secret, encryption] = key
    ? [['--object', `secret,id=k,file=${lab.path(`keyring/${key}`)}`], ',encrypt.format=luks,encrypt.key-secret=k']
    : [[], '']
  const { exitCode } = await execa('qemu-img', ['check', '-q', ...secret, '--image-opts', options + encryption], {
    reject: false,
  })
  return exitCode
}

test('the clusters that a killed QEMU has lost are given back, and the content is what it was', async () => {
  const lab = await createDiskLab()
  const path = await makeLeaking(lab)
  const before = await lab.contentOf(path, 'qcow2')
  expect(await check(lab, path)).toBe(3)
  await lab.disks.repairLeaks({ path })
  expect(await check(lab, path)).toBe(0)
  expect(await lab.contentOf(path, 'qcow2')).toBe(before)
})

test('of an encrypted volume too', async () => {
  const lab = await createDiskLab()
  const path = await makeLeaking(lab, { keyId })
  expect(await check(lab, path, keyId)).toBe(3)
  await lab.disks.repairLeaks({ path, keyId })
  expect(await check(lab, path, keyId)).toBe(0)
})

test('the file of a layer is left as it is', async () => {
  const lab = await createDiskLab()
  const path = await makeLeaking(lab)
  await link(path, lab.path('layer.qcow2'))
  const before = await readFile(path)
  await lab.disks.repairLeaks({ path })
  expect((await readFile(path)).equals(before)).toBe(true)
})

test('what cannot be read is told', async () => {
  const lab = await createDiskLab()
  const path = await makeLeaking(lab)
  await truncate(path, 70_000)
  await expect(lab.disks.repairLeaks({ path })).rejects.toThrow()
})
