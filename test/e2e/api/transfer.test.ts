import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiLab, openApiLab } from './api-lab.ts'
import { codeOf } from './other-account.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

test('an image and a snapshot are written as files, which takes the place of nothing unless it is said', async () => {
  const { lab, snapshotId } = api
  const file = join(lab.home, 'exported.raw')
  expect(await lab.kiln('image', 'export', 'empty', file)).toMatchObject({ exitCode: 0, stdout: file })
  expect((await readFile(file)).equals(await readFile(join(lab.home, 'empty.raw')))).toBe(true)
  const again = await lab.kiln('snapshot', 'export', snapshotId, file)
  expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is such a file already.') })
  const forced = await lab.kiln('snapshot', 'export', snapshotId, file, '--format', 'vhdx', '--force')
  expect(forced.exitCode).toBe(0)
  await execa('qemu-img', ['check', '-q', '-f', 'vhdx', file])
  const nowhere = await lab.kiln('image', 'export', 'empty', '/nowhere/exported.raw')
  expect(nowhere).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Its directory does not exist.') })
  const relative = { SnapshotId: snapshotId, Destination: 'exported.raw', Format: 'raw' } as const
  expect(await codeOf(lab.call('KilnExportSnapshot', relative))).toBe('InvalidParameterValue')
})
