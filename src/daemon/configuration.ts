import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { parseYamlFile } from './yaml-file.ts'

const ipv4 = /^(\d{1,3}\.){3}\d{1,3}$/

const schema = z.strictObject({
  account: z.strictObject({
    id: z.string().regex(/^\d{12}$/, 'expected twelve digits in quotes'),
    defaultRegion: z.string(),
  }),
  endpoint: z.strictObject({
    address: z.string().regex(ipv4, 'expected an IPv4 address'),
    port: z.number().int().min(1).max(65_535),
  }),
  network: z.strictObject({
    publicCidr: z
      .string()
      .regex(/^127\.(8\d|9\d|1\d\d|2[0-4]\d|25[0-5])\.0\.0\/16$/, 'expected 127.80.0.0/16 to 127.255.0.0/16'),
  }),
  capacity: z.strictObject({
    vCpuOvercommit: z.number().min(0.1).max(100),
    memoryOvercommit: z.number().min(0.1).max(10),
  }),
  machines: z.strictObject({
    accelerator: z.enum(['auto', 'kvm', 'tcg']),
    stopTimeoutSeconds: z.number().min(1).max(3600),
    rebootTimeoutSeconds: z.number().min(1).max(3600),
    startAfterHostReboot: z.boolean(),
    terminatedRetentionMinutes: z.number().min(0).max(10_080),
    resumeFreeMib: z.number().int().min(1),
  }),
  images: z.strictObject({ debianMirror: z.url(), maximumVirtualGib: z.number().int().min(1).max(16_384) }),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']) }),
})

/** config/defaults.yaml says what each key means. */
export type Configuration = Readonly<z.infer<typeof schema>>

/**
 * Reads the defaults and, over them, the user's file, which may be absent. Throws ConfigurationError naming file, line, column and
 * key of every mistake.
 */
export async function loadConfiguration(files: { defaultsPath: string; userPath: string }): Promise<Configuration> {
  const defaults = parseYamlFile(await readFile(files.defaultsPath, 'utf8'), files.defaultsPath, schema)
  const text = await readFile(files.userPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined || text.trim() === '') return defaults
  const chosen = parseYamlFile(text, files.userPath, partialSchema)
  return schema.parse(merge(defaults, chosen))
}

const partialSchema = z.strictObject(
  Object.fromEntries(Object.entries(schema.shape).map(([name, section]) => [name, section.partial().optional()])),
)

function merge(defaults: Configuration, chosen: Record<string, unknown>): unknown {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, section]) => [name, { ...section, ...(chosen[name] as object | undefined) }]),
  )
}
