import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the images that the tests of a run build once are kept. */
    imageDirectory: string
  }
}

/**
 * Vitest's set-up of a run: a directory for the images that its tests share. Who works on a test may keep them over runs by naming a
 * directory in KILN_TEST_IMAGES; then nobody notices that a recipe has changed.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kept = process.env['KILN_TEST_IMAGES']
  const directory = kept ?? (await mkdtemp('/var/tmp/kiln-test-images-'))
  if (kept) await mkdir(kept, { recursive: true })
  // The ordinary user's daemon imports from it.
  if (!kept) await chmod(directory, 0o755)
  project.provide('imageDirectory', directory)
  return async () => {
    if (!kept) await rm(directory, { recursive: true, force: true })
  }
}
