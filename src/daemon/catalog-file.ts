import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { catalogFileSchema } from '../disk/catalog.ts'
import { parseYamlFile } from './yaml-file.ts'

/**
 * Reads the catalogue that Kiln comes with and, over it, the user's own file, which may be absent: its images are added, and take the
 * place of those of the same name. Throws ConfigurationError naming file, line, column and key of every mistake.
 */
export async function loadCatalogFile(files: {
  shippedPath: string
  userPath: string
}): Promise<z.infer<typeof catalogFileSchema>> {
  const shipped = parseYamlFile(await readFile(files.shippedPath, 'utf8'), files.shippedPath, catalogFileSchema)
  const text = await readFile(files.userPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  if (text.trim() === '') return shipped
  const own = parseYamlFile(text, files.userPath, catalogFileSchema)
  return { images: { ...shipped.images, ...own.images } }
}
