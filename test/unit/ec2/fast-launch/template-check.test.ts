import { createHash } from 'node:crypto'
import { appendFile, copyFile, mkdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { WarmTemplateRecord } from '../../../../src/ec2/fast-launch/fast-launch.ts'
import { createTemplateCheck } from '../../../../src/ec2/fast-launch/template-check.ts'
import { type TemplateFiles, templateFilesOf } from '../../../../src/ec2/fast-launch/template-files.ts'
import { readMark } from '../../../../src/host/file-mark.ts'
import { openFreezeBench } from '../snapshot/freeze-bench.ts'

const id = 'tpl-1'
const digestOf = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

/** A template that is ready, with its files and its layer, and the check of it, which counts how often all of the memory is read. */
async function openTemplate() {
  const { store, scope, paths } = await openFreezeBench()
  const files = templateFilesOf(paths, id)
  await mkdir(files.directory, { recursive: true })
  await writeFile(files.memory, 'what was in memory')
  await writeFile(files.devices, 'what the devices were')
  let readings = 0
  const check = createTemplateCheck({
    store,
    paths,
    disks: {
      digest: async (path) => {
        readings++
        return await digestOf(path)
      },
    },
  })
  const warm = {
    layerId: 'layer-1',
    devices: { sizeBytes: 21 },
    memory: { sizeBytes: 18, sha256: await digestOf(files.memory), mark: await readMark(files.memory) },
  }
  store.transaction(() => {
    store.layers.insert({ ...scope, id: 'layer-1' } as never)
    store.warmTemplates.insert({ ...scope, id, imageId: 'ami-1', state: 'ready', warm } as never)
  })
  const find = () => store.warmTemplates.find(id) as WarmTemplateRecord
  return { store, files, find, isWhole: async () => await check(find()), countReadings: () => readings }
}

test('a template whose files nobody has touched is whole, and its memory is not read', async () => {
  const { isWhole, countReadings } = await openTemplate()
  expect(await isWhole()).toBe(true)
  expect(countReadings()).toBe(0)
})

test('memory that was touched is read once, and is whole when it is the same', async () => {
  const { files, find, isWhole, countReadings } = await openTemplate()
  const { mark } = find().warm?.memory ?? {}
  await utimes(files.memory, 1, 1)
  expect(await isWhole()).toBe(true)
  expect(await isWhole()).toBe(true)
  expect(countReadings()).toBe(1)
  expect(find().warm?.memory.mark).not.toBe(mark)
})

const harms: [string, (files: TemplateFiles) => Promise<void>][] = [
  ['memory is changed', async ({ memory }) => await writeFile(memory, 'what was in memorY')],
  ['memory is truncated', async ({ memory }) => await truncate(memory, 5)],
  ['memory is longer', async ({ memory }) => await appendFile(memory, '!')],
  ['memory is not there', async ({ memory }) => await rm(memory)],
  [
    'memory is another file',
    async ({ memory, devices }) => {
      await copyFile(devices, `${memory}.other`)
      await rename(`${memory}.other`, memory)
    },
  ],
  ['state of devices is truncated', async ({ devices }) => await truncate(devices, 5)],
  ['state of devices is longer', async ({ devices }) => await appendFile(devices, '!')],
  ['state of devices is not there', async ({ devices }) => await rm(devices)],
]

test.each(harms)('a template whose %s is not whole', async (_harm, harm) => {
  const { files, isWhole } = await openTemplate()
  await harm(files)
  expect(await isWhole()).toBe(false)
})

test('a template whose disk is gone is not whole, nor is one that is being made', async () => {
  const { store, find, isWhole } = await openTemplate()
  const { warm: _, ...making } = find()
  store.transaction(() => store.layers.remove('layer-1'))
  expect(await isWhole()).toBe(false)
  store.transaction(() => {
    store.layers.insert({ ...making, id: 'layer-1' } as never)
    store.warmTemplates.replace({ ...making, state: 'making' })
  })
  expect(await isWhole()).toBe(false)
})
