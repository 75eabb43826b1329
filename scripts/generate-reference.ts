import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationSchema } from '../src/daemon/configuration.ts'
import { renderConfigurationReference } from './configuration-reference.ts'

const root = join(import.meta.dirname, '..')
const defaults = readFileSync(join(root, 'config/defaults.yaml'), 'utf8')
writeFileSync(
  join(root, 'docs/reference/configuration.md'),
  renderConfigurationReference(defaults, configurationSchema),
)
