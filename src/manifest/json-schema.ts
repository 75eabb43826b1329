import { z } from 'zod'
import { manifestSchema } from './schema/manifest.ts'

/** Where editors find the schema of lab manifests, seen from the project. */
export const labSchemaPath = 'config/lab.schema.json'

/** The schema of manifests for editors; what depends on names and files is checked by `kiln plan` only. */
export function labJsonSchema(): Record<string, unknown> {
  const scope = { images: [], keyPairs: [], securityGroups: [], instances: [], countOf: () => undefined }
  const { $schema, ...schema } = z.toJSONSchema(manifestSchema(scope), { io: 'input' })
  return { $schema, title: 'Kiln lab manifest', ...schema }
}
