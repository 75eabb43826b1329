import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { writeEmptyQcow2 } from '../../../src/disk/empty-qcow2.ts'
import { createDiskLab, mib } from './disk-lab.ts'

const execute = promisify(execFile)
const gib = 1024 ** 3
const tib = 1024 ** 4

async function infoOf(path: string): Promise<Record<string, unknown>> {
  const { stdout } = await execute('qemu-img', ['info', '--output=json', '-f', 'qcow2', path])
  const { filename: _filename, 'actual-size': _actualSize, ...rest } = JSON.parse(stdout) as Record<string, unknown>
  return rest
}

/** The last sectors of what one L1 entry, and one cluster of L1 entries, cover; and what is just beyond. */
const sizes = [mib, 512 * mib, 512 * mib + 512, 8 * gib, 4 * tib, 4 * tib + 512, 16 * tib]

test.each(sizes)('an empty disk of %d bytes is what qemu-img makes', async (sizeBytes) => {
  const lab = await createDiskLab()
  await writeEmptyQcow2(lab.path('own.qcow2'), { sizeBytes })
  const options = ['-o', 'compat=1.1,lazy_refcounts=on']
  await lab.run('qemu-img', 'create', '-q', '-f', 'qcow2', ...options, 'theirs.qcow2', String(sizeBytes))
  expect(await infoOf(lab.path('own.qcow2'))).toEqual(await infoOf(lab.path('theirs.qcow2')))
  await lab.run('qemu-img', 'check', '-q', '-f', 'qcow2', 'own.qcow2')
})

test('its last sector can be written and read, and its reference counts stay whole', async () => {
  const lab = await createDiskLab()
  const sizeBytes = 4 * tib + 512
  await writeEmptyQcow2(lab.path('own.qcow2'), { sizeBytes })
  const last = `${sizeBytes - 512} 512`
  await lab.run('qemu-io', '-f', 'qcow2', '-c', `write -P 7 ${last}`, 'own.qcow2')
  await lab.run('qemu-io', '-f', 'qcow2', '-c', `read -P 7 ${last}`, '-c', 'read -P 0 0 4096', 'own.qcow2')
  await lab.run('qemu-img', 'check', '-q', '-f', 'qcow2', 'own.qcow2')
})

test('names its backing file and the format of it', async () => {
  const lab = await createDiskLab()
  const backingPath = join(lab.directory, 'a "base", über.qcow2')
  await writeEmptyQcow2(backingPath, { sizeBytes: 8 * mib })
  await lab.run('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 1M 64k', backingPath)
  await writeEmptyQcow2(lab.path('own.qcow2'), { sizeBytes: 16 * mib, backingPath })
  expect(await infoOf(lab.path('own.qcow2'))).toMatchObject({
    'virtual-size': 16 * mib,
    'backing-filename': backingPath,
    'backing-filename-format': 'qcow2',
  })
  await lab.run('qemu-io', '-f', 'qcow2', '-c', 'read -P 9 1M 64k', '-c', 'read -P 0 8M 8M', 'own.qcow2')
  await lab.run('qemu-img', 'check', '-q', '-f', 'qcow2', 'own.qcow2')
})

test('never overwrites a file', async () => {
  const lab = await createDiskLab()
  await writeEmptyQcow2(lab.path('own.qcow2'), { sizeBytes: mib })
  await expect(writeEmptyQcow2(lab.path('own.qcow2'), { sizeBytes: mib })).rejects.toThrow('EEXIST')
})
