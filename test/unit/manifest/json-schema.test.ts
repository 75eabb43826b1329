import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  labJsonSchema,
  labSchemaPath,
  pipelineJsonSchemas,
  pipelineSchemaPaths,
} from '../../../src/manifest/json-schema.ts'

test('ships the JSON Schema of the manifests that are accepted (npm run generate:lab-schema)', async () => {
  const shipped = await readFile(join(import.meta.dirname, '../../..', labSchemaPath), 'utf8')
  expect(JSON.parse(shipped)).toEqual(labJsonSchema())
})

test('ships the JSON Schemas of the pipelines and components that are accepted (npm run generate:lab-schema)', async () => {
  const schemas = pipelineJsonSchemas()
  for (const kind of ['pipeline', 'component'] as const) {
    const shipped = await readFile(join(import.meta.dirname, '../../..', pipelineSchemaPaths[kind]), 'utf8')
    expect(JSON.parse(shipped)).toEqual(schemas[kind])
  }
})

test('lets editors see which keys there are', () => {
  expect(labJsonSchema()).toMatchObject({
    additionalProperties: false,
    required: ['name'],
    properties: { instances: { additionalProperties: { additionalProperties: false, required: ['image'] } } },
  })
})
