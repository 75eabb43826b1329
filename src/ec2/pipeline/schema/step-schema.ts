import { z } from 'zod'
import { findNearestName } from '../../nearest-name.ts'

/** An object that takes no other keys; the message for unknown keys has a line for each of them, in their order. */
export function closed<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key.${hint(findNearestName(key, known), known)}`).join('\n')
        : undefined,
  })
}

function hint(nearest: string | undefined, known: readonly string[]): string {
  return nearest === undefined ? ` Known: ${known.join(', ')}.` : ` Did you mean ${nearest}?`
}

/** Names of steps, parameters and the like, as YAML has them. */
const timeout = z
  .string()
  .regex(/^[1-9]\d{0,3}[smh]$/, 'expected a time such as 90s, 15m or 2h.')
  .describe('How long it may take: 90s, 15m, 2h; 30m when absent')

/** A path in the server. */
const absolutePath = z
  .string()
  .regex(/^\/[^\0\n]*[^\0\n/]$/, 'expected the absolute path of a file.')
  .max(4096)

export const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'expected a name such as PORT: letters, digits and _.')

/** A file of the host, by its path beside the YAML. */
export const filePath = z.string().min(1).max(4096)

const copy = closed({
  from: filePath.optional().describe('A file beside the YAML'),
  content: z.string().optional().describe('The content itself'),
  base64: z.base64('expected base64.').optional().describe('The content itself, as base64'),
  to: absolutePath.describe('Where it goes'),
  mode: z
    .string('expected a text such as "0644", in quotes.')
    .regex(/^[0-7]{3,4}$/, 'expected a text such as "0644".')
    .optional()
    .describe('0644 when absent'),
  owner: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/, 'expected user or user:group.')
    .optional()
    .describe('root:root when absent'),
})

const kinds = ['run', 'script', 'packages', 'copy', 'reboot'] as const

const shape = {
  name: z.string().min(1).max(100).optional().describe('What logs call it'),
  run: z.string().min(1).max(65_536).optional().describe('A script, by sh -e unless it begins with #!'),
  script: filePath.optional().describe('The same from a file beside the YAML'),
  reboot: z.literal(true, 'expected true.').optional().describe('Reboots the server and waits until it is up again'),
  environment: z.record(variableName, z.string('expected a text; put numbers in quotes.')).optional(),
  timeout: timeout.optional(),
}

/** A step of a component. */
export const stepSchema = closed({
  ...shape,
  packages: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._:=~-]{0,127}$/, 'expected the name of a package.'))
    .min(1)
    .max(500)
    .optional()
    .describe("Installed by the server's own package manager"),
  copy: copy
    .refine((value) => count(value, ['from', 'content', 'base64']) === 1, {
      error: 'expected exactly one of from, content, base64.',
      when: () => true,
    })
    .optional(),
}).refine((value) => count(value, kinds) === 1, {
  error: `expected exactly one of ${kinds.join(', ')}.`,
  when: () => true,
})

/** A step of a test, which must exit 0. */
export const testSchema = closed(shape).refine((value) => count(value, ['run', 'script', 'reboot']) === 1, {
  error: 'expected exactly one of run, script, reboot.',
  when: () => true,
})

/** How many of the keys a value has. */
export function count(value: unknown, keys: readonly string[]): number {
  const present = Object(value) as Record<string, unknown>
  return keys.filter((key) => present[key] !== undefined).length
}

/** Milliseconds of `90s`, `15m` or `2h`. */
export function durationMs(text: string): number {
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000 }[text.slice(-1)] ?? 0
  return Number(text.slice(0, -1)) * unitMs
}
