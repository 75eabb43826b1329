import { z } from 'zod'
import { pipelineName } from '../pipeline-name.ts'
import { cronExpressionError, isCronExpression } from '../../schedule/cron-expression.ts'
import { isTimeZone } from '../../schedule/time-zone.ts'
import { closed, count, filePath, stepSchema, testSchema, variableName } from './step-schema.ts'

const name = z.string().regex(pipelineName, 'expected a lower-case letter, then at most 63 of a-z, 0-9 and -.')
const version = z
  .string('expected a text such as "1.0.0".')
  .regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/, 'expected a semantic version such as 1.0.0.')

const componentShape = {
  description: z.string().max(1000).optional(),
  steps: z.array(stepSchema).min(1).max(100).describe('What is done in the server, as root, one after the other'),
  tests: z.array(testSchema).max(100).optional().describe('What must succeed in a server of the image'),
}

/** A file of images/components. */
export const componentSchema = closed({ version, ...componentShape })

const base = closed({
  image: z
    .string()
    .regex(/^ami-[0-9a-f]{8,17}$/, 'expected the id of an AMI.')
    .optional()
    .describe('An AMI by its id'),
  name: z.string().min(1).max(128).optional().describe('The newest AMI of that name; * and ? stand for anything'),
  owner: z
    .string('expected twelve digits, in quotes.')
    .regex(/^\d{12}$/, 'expected twelve digits.')
    .optional()
    .describe('Whose AMI of that name; your own when absent'),
  recipe: z.string().min(1).optional().describe('The newest AMI built of a recipe; built when there is none'),
  architecture: z.enum(['x86_64', 'i386', 'arm64']).optional().describe('Of the recipe; x86_64 when absent'),
  catalog: z.string().min(1).optional().describe('The newest AMI pulled of the catalogue; pulled when there is none'),
  pipeline: name.optional().describe('The newest AMI of another pipeline'),
})
  .refine((value) => count(value, ['image', 'name', 'recipe', 'catalog', 'pipeline']) === 1, {
    error: 'expected exactly one of image, name, recipe, catalog, pipeline.',
    when: () => true,
  })
  .refine((value) => value.architecture === undefined || value.recipe !== undefined, {
    error: 'goes with recipe.',
    path: ['architecture'],
  })
  .refine((value) => value.owner === undefined || value.name !== undefined, {
    error: 'goes with name.',
    path: ['owner'],
  })

const parameter = closed({
  description: z.string().max(1000).optional(),
  default: z.string('expected a text; put numbers in quotes.').max(65_536).optional(),
  file: filePath.optional().describe('A file that holds the value; the newline at its end is not part of it'),
  secret: z.boolean().optional().describe('Masked in logs and never recorded'),
}).refine((value) => count(value, ['default', 'file']) < 2, {
  error: 'default and file exclude each other.',
  when: () => true,
})

const component = closed({
  ...componentShape,
  use: name.optional().describe('A component of images/components'),
  name: name.optional().describe('Of a component that stands here'),
  version: version.optional().describe('Of the component; with use, the one that is wanted'),
  steps: componentShape.steps.optional(),
})
  .refine((value) => count(value, ['use', 'name']) === 1, {
    error: 'expected use, or name with version and steps.',
    when: () => true,
  })
  .refine((value) => value.name === undefined || count(value, ['version', 'steps']) === 2, {
    error: 'a component has a version and steps.',
    when: () => true,
  })
  .refine((value) => value.use === undefined || count(value, ['steps', 'tests', 'description']) === 0, {
    error: 'use takes a component as it is, with its own steps and tests.',
    when: () => true,
  })

const template = z.string().min(1).max(1000)
const tagKey = z
  .string()
  .min(1)
  .max(128)
  .refine((key) => !/^(aws|kiln):/i.test(key), 'keys that begin with aws: or kiln: are reserved.')

const schedule = closed({
  cron: z.string().refine(isCronExpression, `${cronExpressionError}.`),
  timeZone: z
    .string()
    .refine(isTimeZone, 'expected an IANA name such as Europe/Berlin.')
    .optional()
    .describe("The host's own when absent"),
  catchUp: z
    .boolean()
    .optional()
    .describe('Whether a time that passed while the daemon was down is made up for by one run; true when absent'),
})

/** A file of images/pipelines, or an entry of a lab's `pipelines`. */
export const pipelineSchema = closed({
  description: z.string().max(255).optional(),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region such as us-east-1.')
    .optional()
    .describe('Where its scheduled builds take place; the default region when absent'),
  base: base.describe('What the image is made over'),
  instanceType: z
    .string()
    .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected an instance type such as t3.micro.')
    .optional()
    .describe('t3.micro when absent, t4g.micro for arm64'),
  disk: z
    .int('expected whole GiB.')
    .min(1)
    .max(16_384)
    .optional()
    .describe("GiB of the root disk; the base's if absent"),
  subnet: z
    .string()
    .regex(/^subnet-[0-9a-f]{8,17}$/, 'expected the id of a subnet.')
    .optional()
    .describe('Where the server is launched; the default VPC when absent'),
  launchTimeout: z
    .string()
    .regex(/^[1-9]\d{0,3}[smh]$/, 'expected a time such as 90s, 15m or 2h.')
    .optional()
    .describe('How long a server may take until it lets the build in; 15m when absent'),
  parameters: z.record(variableName, parameter).optional().describe('Variables of steps, and ${NAME} in templates'),
  components: z.array(component).min(1).max(50),
  tests: z.array(testSchema).max(100).optional().describe('What must succeed in a server of the image'),
  image: closed({
    name: template.optional().describe('${pipeline}-${date}-${build} when absent'),
    description: template.optional(),
    tags: z.record(tagKey, z.string('expected a text; put numbers in quotes.').max(256)).optional(),
  }).optional(),
  distribution: closed({
    regions: z.array(z.string().min(1)).max(50).optional().describe('Regions that it is copied to'),
    accounts: z
      .array(z.string('expected twelve digits, in quotes.').regex(/^\d{12}$/, 'expected twelve digits.'))
      .max(200)
      .optional()
      .describe('Accounts that may launch it'),
    public: z.boolean().optional().describe('Every account may launch it'),
    registries: z
      .array(
        closed({
          image: template.describe('registry/name:tag that it is pushed to'),
          signingKey: filePath.optional().describe('A private key in PEM, or cosign.key, beside the YAML'),
          signingKeyPassword: variableName.optional().describe('The parameter that holds the password of the key'),
        }),
      )
      .max(20)
      .optional(),
  }).optional(),
  retention: closed({
    keep: z.int('expected a whole number.').min(1).max(1000).describe('How many of its images are kept'),
    evenIfUsed: z.boolean().optional().describe('Delete older ones that instances were launched from, too'),
  }).optional(),
  schedule: schedule.optional(),
})

export type PipelineFile = z.infer<typeof pipelineSchema>
export type ComponentFile = z.infer<typeof componentSchema>
export type StepEntry = z.infer<typeof stepSchema>
