import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { labJsonSchema, labSchemaPath } from '../../../src/manifest/json-schema.ts'

test('ships the JSON Schema of the manifests that are accepted (npm run generate:lab-schema)', async () => {
  const shipped = await readFile(join(import.meta.dirname, '../../..', labSchemaPath), 'utf8')
  expect(JSON.parse(shipped)).toEqual(labJsonSchema())
})

test('lets editors see which keys there are', () => {
  expect(labJsonSchema()).toMatchObject({
    additionalProperties: false,
    required: ['name'],
    properties: { instances: { additionalProperties: { additionalProperties: false, required: ['image'] } } },
  })
})
