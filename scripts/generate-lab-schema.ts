import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labJsonSchema, labSchemaPath, pipelineJsonSchemas, pipelineSchemaPaths } from '../src/manifest/json-schema.ts'

// Writes the JSON Schemas of lab manifests, pipelines and components; run it after each change to src/manifest/schema/ and
// src/ec2/pipeline/schema/.
const { pipeline, component } = pipelineJsonSchemas()
await write(labSchemaPath, labJsonSchema())
await write(pipelineSchemaPaths.pipeline, pipeline)
await write(pipelineSchemaPaths.component, component)

async function write(path: string, schema: Record<string, unknown>): Promise<void> {
  await writeFile(join(import.meta.dirname, '..', path), `${JSON.stringify(schema, null, 2)}\n`)
}
