import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createManifestFiles } from '../../../src/manifest/manifest-files.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'

const guides = join(import.meta.dirname, '../../../docs/guides')

test('accepts the example of the guide, which is the one beside it', async () => {
  const file = join(guides, 'labs/shop.yaml')
  const text = await readFile(file, 'utf8')
  const { lab } = await parseManifest({ text, file, files: createManifestFiles(join(guides, 'labs')) })
  expect(lab.instances.get('db')?.userData).toBeDefined()
  expect(await readFile(join(guides, 'lab-manifest.md'), 'utf8')).toContain(`\`\`\`yaml\n${text}\`\`\``)
})
