import { z } from 'zod'
import { templateDepths } from '../../ec2/ports/machine-spec.ts'
import { closed, countPresent, fail, type Failing, reference } from './closed.ts'
import type { ManifestScope } from './scope.ts'

const imageSources = ['recipe', 'catalog', 'import', 'pipeline', 'existing'] as const
const imageNamePattern = /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/

/** An entry of `images`: where it comes from. */
export function imageSchema(scope: ManifestScope) {
  return closed({
    recipe: z.string().min(1).optional().describe('Recipe to build it from: nano, debian-12, …'),
    catalog: z.string().min(1).optional().describe('Entry of the Quick Start catalogue to download: ubuntu-24.04, …'),
    import: importSource(scope).optional().describe('A disk image: a path beside the manifest, or an http(s) URL'),
    pipeline: reference('pipeline', scope.pipelines).optional().describe('The newest image of a pipeline of this file'),
    existing: z.string().min(1).optional().describe('Name or id of an AMI that is there'),
    name: z
      .string()
      .regex(imageNamePattern, `expected 3 to 128 of a-z, A-Z, 0-9, spaces and ()[]./-'@_.`)
      .optional()
      .describe('Name of the AMI; when absent the recipe, the catalogue entry, or LAB-KEY for an imported one'),
    checksum: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/i, 'expected sha256:HEX or sha512:HEX.')
      .optional()
      .describe('Of a download by `import`'),
    architecture: z
      .enum(['x86_64', 'i386', 'arm64'])
      .optional()
      .describe('Of an imported image or one that a recipe builds; x86_64 when absent'),
    loginUser: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected a user name.')
      .optional()
      .describe('Whom an imported image lets in'),
    warm: z
      .union([z.boolean(), warmth()], 'expected true, false, or depth and wait.')
      .optional()
      .describe('true: warm templates are kept, which launches go on from'),
  })
    .refine((value) => countPresent(value, imageSources) === 1, {
      error: `expected exactly one of ${imageSources.join(', ')}.`,
      when: () => true,
    })
    .superRefine(checkImage)
    .meta({ oneOf: imageSources.map((source) => ({ required: [source] })) })
}

function warmth() {
  return closed({
    depth: z.enum(templateDepths).optional().describe('How far its guest has come; booted when absent'),
    wait: z.boolean().optional().describe('true: instances are launched when the templates are made'),
  })
}

function checkImage(
  value: { recipe?: string | undefined; import?: string | undefined; existing?: string | undefined } & Partial<
    Record<string, unknown>
  >,
  context: Failing,
): void {
  for (const key of ['checksum', 'loginUser']) {
    if (value[key] !== undefined && value.import === undefined) fail(context, 'is for imported images only.', [key])
  }
  if (value['architecture'] !== undefined && value.import === undefined && value.recipe === undefined) {
    fail(context, 'is for imported images and recipes only.', ['architecture'])
  }
  if (value['name'] !== undefined && value.existing !== undefined) {
    fail(context, 'an existing image keeps its name.', ['name'])
  }
  if (value['name'] !== undefined && value['pipeline'] !== undefined) {
    fail(context, 'the pipeline names its images.', ['name'])
  }
  if (value['checksum'] !== undefined && value.import !== undefined && !isUrl(value.import)) {
    fail(context, 'is for downloads only.', ['checksum'])
  }
}

/** Whether an import is a download. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text)
}

function importSource({ files }: ManifestScope) {
  return z
    .string()
    .min(1)
    .superRefine(async (source, context) => {
      if (isUrl(source) ? !URL.canParse(source) : source.includes('://')) {
        return fail(context, `${source} is neither a path nor an http(s) URL.`)
      }
      if (isUrl(source) || !files) return
      const problem = await files.check(source)
      if (problem) fail(context, problem)
    })
}
