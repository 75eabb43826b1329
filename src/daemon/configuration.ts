import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { bucketsSchema } from '../disk/bucket/bucket-settings.ts'
import { bridgeName } from '../ec2/instance/bridge-tag.ts'
import { type QuotaName, quotaNames } from '../ec2/quota.ts'
import { regionFileSchema } from '../ec2/region/region.ts'
import { parseRepository } from '../ec2/registry/reference.ts'
import { cronExpressionError, isCronExpression } from '../ec2/schedule/cron-expression.ts'
import { parseServer } from '../network/dns/resolv-conf.ts'
import { parseYamlFile } from './yaml-file.ts'

const wholeNumber = z.number().int()

const quotaShape = Object.fromEntries(quotaNames.map((name) => [name, wholeNumber.min(0).max(1_000_000)])) as Record<
  QuotaName,
  z.ZodNumber
>

const registrySchema = z
  .strictObject({
    host: z
      .string()
      .refine((text) => parseRepository(text) !== undefined, 'expected a registry, or registry/path')
      .meta({ description: 'The registry, or `registry/path` for what lies below it; the longest one holds.' }),
    insecure: z
      .boolean()
      .optional()
      .meta({ description: 'Whether it is spoken to without TLS; registries on this host are when absent.' }),
    publicKeys: z
      .array(z.string().min(1))
      .default([])
      .meta({ description: 'Files with public keys (cosign.pub), absolute or below the state directory.' }),
    requireSignature: z
      .boolean()
      .default(false)
      .meta({ description: 'Whether images that none of these keys has signed are refused.' }),
  })
  .refine(({ requireSignature, publicKeys }) => !requireSignature || publicKeys.length > 0, {
    path: ['publicKeys'],
    error: 'requireSignature needs a key',
  })

/** Every key; docs/reference/configuration.md is made from it and config/defaults.yaml. */
export const configurationSchema = z.strictObject({
  account: z.strictObject({
    id: z.string('expected twelve digits in quotes').regex(/^\d{12}$/, 'expected twelve digits in quotes'),
    defaultRegion: z.string(),
  }),
  endpoint: z.strictObject({
    address: z.ipv4('expected an IPv4 address'),
    port: wholeNumber.min(1).max(65_535),
  }),
  serialConsole: z.strictObject({ port: wholeNumber.min(0).max(65_535) }),
  network: z.strictObject({
    publicCidr: z
      .string()
      .regex(/^127\.([89]\d|1\d\d|2[0-4]\d|25[0-4])\.0\.0\/16$/, 'expected one of 127.80.0.0/16 to 127.254.0.0/16'),
    routed: z.boolean(),
    reachLan: z.boolean(),
    bridges: z.array(z.string().regex(bridgeName, 'expected the name of a network bridge of this host, such as br0')),
  }),
  dns: z.strictObject({
    resolvConf: z.string().regex(/^\/.*[^/]$/, 'expected an absolute path'),
    domainServers: z.record(
      z.string().regex(/^([a-z0-9_-]+\.)*[a-z0-9_-]+$/, 'expected a domain in lower case, without a dot at its end'),
      z
        .array(
          z
            .string()
            .refine(
              (text) => parseServer(text) !== undefined,
              'expected an address, or one with a port: 10.8.0.1:5353',
            ),
        )
        .min(1),
    ),
    port: wholeNumber.min(0).max(65_535),
  }),
  metadata: z.strictObject({
    requestsPerSecond: wholeNumber.min(1).max(1_000_000),
    packetsPerSecond: wholeNumber.min(16).max(1_000_000),
  }),
  capacity: z.strictObject({
    vCpuOvercommit: z.number().min(0.1).max(100),
    memoryOvercommit: z.number().min(0.1).max(10),
    memoryReserveMib: wholeNumber.min(0),
  }),
  machines: z.strictObject({
    accelerator: z.enum(['auto', 'kvm', 'tcg']),
    emulatedAddressRandomization: z.boolean(),
    stopTimeoutSeconds: z.number().min(1).max(3600),
    rebootTimeoutSeconds: z.number().min(1).max(3600),
    startAfterHostReboot: z.boolean(),
    terminatedRetentionMinutes: z.number().min(0).max(10_080),
    resumeFreeMib: wholeNumber.min(1),
  }),
  fastLaunch: z.strictObject({
    maximumMib: wholeNumber.min(0),
    timeoutSeconds: z.number().min(1).max(86_400),
    poolMachines: wholeNumber.min(0).max(100),
  }),
  encryption: z.strictObject({
    keys: z.array(
      z.string().regex(/^alias\/(?!aws\/)[\w/-]{1,250}$/, 'expected alias/ and a name of letters, digits, -, _ and /'),
    ),
  }),
  images: z.strictObject({
    debianMirror: z.url(),
    maximumVirtualGib: wholeNumber.min(1).max(16_384),
    importDirectories: z.array(z.string().regex(/^\/.*[^/]$/, 'expected an absolute path')),
  }),
  buckets: bucketsSchema,
  registries: z.array(registrySchema),
  storage: z.strictObject({
    flattenDepth: wholeNumber.min(2).max(64),
    checkAt: z.string().refine((text) => text === '' || isCronExpression(text), cronExpressionError),
  }),
  marketplace: z.strictObject({
    url: z
      .string()
      .refine((text) => text === '' || (/^https?:/.test(text) && URL.canParse(text)), 'expected an http or https URL'),
  }),
  community: z.strictObject({
    registry: z.string().refine((text) => text === '' || parseRepository(text) !== undefined, {
      error: 'expected a registry, or registry/path',
    }),
  }),
  quotas: z.strictObject(quotaShape),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']) }),
})

/** config/defaults.yaml says what each key means. */
export type Configuration = Readonly<z.infer<typeof configurationSchema>>

/**
 * Reads the defaults and, over them, the user's file, which may be absent. Throws ConfigurationError naming file, line, column and
 * key of every mistake. `configDirectory` holds defaults.yaml and regions.yaml.
 */
export async function loadConfiguration(files: { configDirectory: string; userPath: string }): Promise<Configuration> {
  const [defaults, { regions }] = await Promise.all([
    readYaml(join(files.configDirectory, 'defaults.yaml'), configurationSchema),
    readYaml(join(files.configDirectory, 'regions.yaml'), regionFileSchema),
  ])
  const text = await readFile(files.userPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return defaults
  const names = new Set(regions.map(({ name }) => name))
  const chosen = parseYamlFile(
    text,
    files.userPath,
    partialSchemaFor((name) => names.has(name)),
  )
  return configurationSchema.parse(merge(defaults, chosen))
}

/** Every key may be left out; the region must be one of those that Kiln knows. */
function partialSchemaFor(isRegion: (name: string) => boolean) {
  const { account, ...others } = configurationSchema.shape
  const defaultRegion = account.shape.defaultRegion.refine(isRegion, 'expected a region of EC2, such as us-east-1')
  const sections = { account: account.extend({ defaultRegion }), ...others }
  return z.strictObject(
    Object.fromEntries(
      Object.entries(sections).map(([name, section]) => [
        name,
        // A list is taken as a whole.
        (section instanceof z.ZodObject ? section.partial() : section).optional(),
      ]),
    ),
  )
}

function merge(defaults: Configuration, chosen: Record<string, unknown>): unknown {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, section]) => [
      name,
      Array.isArray(section) ? (chosen[name] ?? section) : { ...section, ...(chosen[name] as object | undefined) },
    ]),
  )
}

async function readYaml<Schema extends z.ZodType>(path: string, fileSchema: Schema): Promise<z.infer<Schema>> {
  return parseYamlFile(await readFile(path, 'utf8'), path, fileSchema)
}
