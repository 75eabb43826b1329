import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderParity } from './parity/render.ts'

await writeFile(join(import.meta.dirname, '../docs/parity.md'), renderParity())
