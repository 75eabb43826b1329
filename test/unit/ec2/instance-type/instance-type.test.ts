import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { createInstanceTypeCatalog, instanceTypeFileSchema } from '../../../../src/ec2/instance-type/instance-type.ts'

test('every type of the shipped file has whole MiB of memory, which stricter clients insist on', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../../config/instance-types.yaml'), 'utf8')
  const catalog = createInstanceTypeCatalog(instanceTypeFileSchema.parse(parse(text)))
  expect(catalog.list().filter(({ memoryMib }) => !Number.isInteger(memoryMib))).toEqual([])
  expect(catalog.get('m1.small').memoryMib).toBe(1740)
})
