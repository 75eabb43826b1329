import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { renderConfigurationReference } from '../../../scripts/configuration-reference.ts'
import { configurationSchema } from '../../../src/daemon/configuration.ts'

const root = join(import.meta.dirname, '../../..')

test('the reference of the configuration is what `npm run generate:reference` makes of the defaults', async () => {
  const defaults = await readFile(join(root, 'config/defaults.yaml'), 'utf8')
  const written = await readFile(join(root, 'docs/reference/configuration.md'), 'utf8')
  expect(renderConfigurationReference(defaults, configurationSchema)).toBe(written)
})

test('every key has a meaning and says what it may be', async () => {
  const text = await readFile(join(root, 'docs/reference/configuration.md'), 'utf8')
  for (const [section, schema] of Object.entries(configurationSchema.shape)) {
    expect(text).toContain(`## ${section}\n`)
    if (schema instanceof z.ZodRecord) {
      for (const key of Object.keys((schema.valueType as z.ZodObject).shape))
        expect(text).toMatch(new RegExp(`^\\| \`NAME\\.${key}\` \\| .+ \\| .+ \\|$`, 'm'))
      continue
    }
    const { shape } = schema instanceof z.ZodArray ? schema.element : schema
    for (const key of Object.keys(shape))
      expect(text).toMatch(new RegExp(`^\\| \`${key}\` \\| \`.+\` \\| .+ \\| .+ \\|$`, 'm'))
  }
})
