import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labJsonSchema, labSchemaPath } from '../src/manifest/json-schema.ts'

// Writes the JSON Schema of lab manifests; run it after each change to src/manifest/schema/.
await writeFile(join(import.meta.dirname, '..', labSchemaPath), `${JSON.stringify(labJsonSchema(), null, 2)}\n`)
