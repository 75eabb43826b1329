import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:architectures`: what is too slow for the tests of every change where processors are emulated. */
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    include: ['test/architectures/**/*.test.ts'],
    globalSetup: ['test/e2e/image-directory.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
  },
})
