import { z } from 'zod'
import { componentSchema, pipelineSchema } from '../ec2/pipeline/schema/pipeline-schema.ts'
import { manifestSchema } from './schema/manifest.ts'

/** Where editors find the schema of lab manifests, seen from the project. */
export const labSchemaPath = 'config/lab.schema.json'

/** The schema of manifests for editors; what depends on names and files is checked by `kiln plan` only. */
export function labJsonSchema(): Record<string, unknown> {
  const names = {
    pipelines: [],
    images: [],
    keyPairs: [],
    securityGroups: [],
    subnets: [],
    natGateways: [],
    peerings: [],
    instances: [],
  }
  const scope = { ...names, countOf: () => undefined }
  const { $schema, ...schema } = z.toJSONSchema(manifestSchema(scope), { io: 'input' })
  return { $schema, title: 'Kiln lab manifest', ...schema }
}

/** Where editors find the schemas of pipelines and their components, seen from the project. */
export const pipelineSchemaPaths = {
  pipeline: 'config/pipeline.schema.json',
  component: 'config/component.schema.json',
} as const

/** The schemas of images/pipelines and images/components for editors. */
export function pipelineJsonSchemas(): Record<keyof typeof pipelineSchemaPaths, Record<string, unknown>> {
  const write = (schema: z.ZodType, title: string) => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' })
    return { $schema, title, ...rest }
  }
  return {
    pipeline: write(pipelineSchema, 'Kiln pipeline'),
    component: write(componentSchema, 'Component of Kiln pipelines'),
  }
}
