import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

// Machines, and above all the clients that poll for them, wait more than they compute: three files at once fill two processors.
const withMachines = { maxWorkers: 3, sequence: { groupOrder: 1 } }

// Guests under TCG need their time: the limits are there to end a hang, not to measure anything.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 400_000,
          hookTimeout: 400_000,
          ...withMachines,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/image-directory.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          ...withMachines,
        },
      },
    ],
  },
})
