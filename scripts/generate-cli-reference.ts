import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderCliReference } from './cli-reference/render.ts'

const directory = join(import.meta.dirname, '../docs/reference')
await mkdir(directory, { recursive: true })
await writeFile(join(directory, 'cli.md'), await renderCliReference())
