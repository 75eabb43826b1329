import { createHash } from 'node:crypto'
import { z } from 'zod'
import { parseReference } from '../registry/reference.ts'
import type { Product, ProductSource } from './marketplace.ts'

const name = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'must be lower-case letters, digits, dots and dashes')
const line = z.string().min(1).max(255)
const maximumLicenceLength = 256 * 1024

const sourceSchema = z
  .strictObject({
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    file: z.string().regex(/^\//, 'must be an absolute path').max(4096).optional(),
    /** `registry/name:tag`, or `registry/name@sha256:…`. */
    reference: z.string().refine(isReference, 'must be registry/name:tag or registry/name@sha256:…').optional(),
    image: z
      .string()
      .regex(/^ami-[0-9a-f]{8}([0-9a-f]{9})?$/, 'must be the id of an image')
      .optional(),
    checksum: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, 'must be sha256:HEX or sha512:HEX')
      .optional(),
  })
  .refine(
    ({ url, file, reference, image }) =>
      [url, file, reference, image].filter((given) => given !== undefined).length === 1,
    { error: 'must have one of url, file, reference and image' },
  )
  .refine(({ url, checksum }) => url === undefined || checksum !== undefined, {
    error: 'must have a checksum beside the url',
  })
  .refine(({ url, file, checksum }) => checksum === undefined || (url ?? file) !== undefined, {
    error: 'is for a url or a file: an image in a registry is named by its digest, registry/name@sha256:…',
    path: ['checksum'],
  })

const productSchema = z
  .strictObject({
    publisher: name,
    productCode: z.string().regex(/^[a-z0-9]{25}$/, "must be 25 lower-case letters and digits, as EC2's product codes"),
    title: line,
    version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits, dots and dashes'),
    description: z.string().max(255).optional(),
    architecture: z.enum(['x86_64', 'i386', 'arm64']).optional(),
    /** The text itself. */
    licence: z.string().trim().min(1).max(maximumLicenceLength).optional(),
    /** Or the file that has it, beside the catalogue. */
    licenceFile: z
      .string()
      .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'must be a path below the catalogue')
      .optional(),
    loginUser: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]*$/, 'must be a user name')
      .optional(),
    source: sourceSchema,
  })
  .refine(({ licence, licenceFile }) => (licence === undefined) !== (licenceFile === undefined), {
    error: 'must have a licence or a licenceFile',
  })

/** What marketplace.yaml in the state directory holds. */
export const marketplaceFileSchema = z
  .strictObject({
    publishers: z.record(
      name,
      z.strictObject({
        name: line,
        account: z.string('must be twelve digits in quotes').regex(/^\d{12}$/, 'must be twelve digits in quotes'),
      }),
    ),
    products: z.record(name, productSchema),
  })
  .superRefine(({ publishers, products }, context) => {
    const codes = new Set<string>()
    for (const [key, { publisher, productCode }] of Object.entries(products)) {
      const report = (member: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['products', key, member], message })
      if (!Object.hasOwn(publishers, publisher))
        report('publisher', `there is no publisher ${publisher} under publishers`)
      if (codes.has(productCode)) report('productCode', 'another product has this code')
      codes.add(productCode)
    }
  })

/** The same of a catalogue that others keep: it names no file and no image of this host, and says which bytes it means. */
export const remoteMarketplaceFileSchema = marketplaceFileSchema.superRefine(({ products }, context) => {
  for (const [key, { source, licenceFile }] of Object.entries(products)) {
    const report = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path: ['products', key, ...path], message })
    if (source.file !== undefined || source.image !== undefined) {
      report(['source'], 'a catalogue of the network may name URLs and images in registries only')
    }
    if (source.reference !== undefined && !source.reference.includes('@')) {
      report(['source', 'reference'], 'a catalogue of the network names an image by its digest: registry/name@sha256:…')
    }
    if (licenceFile !== undefined) report(['licenceFile'], 'a catalogue of the network has its licences in itself')
  }
})

export type MarketplaceFile = z.infer<typeof marketplaceFileSchema>

/** The products of a checked file. `readLicence` reads a licence file. */
export function productsOf(file: MarketplaceFile, readLicence: (path: string) => string): Product[] {
  return Object.entries(file.products).map(([key, entry]) => {
    const publisher = file.publishers[entry.publisher] ?? { name: entry.publisher, account: '' }
    const licence = entry.licence ?? readLicence(entry.licenceFile ?? '')
    return {
      name: key,
      productCode: entry.productCode,
      publisher: { name: publisher.name, accountId: publisher.account },
      title: entry.title,
      version: entry.version,
      description: entry.description ?? '',
      architecture: entry.architecture ?? 'x86_64',
      licence,
      licenceSha256: createHash('sha256').update(licence).digest('hex'),
      ...(entry.loginUser === undefined ? {} : { loginUser: entry.loginUser }),
      source: readSource(entry.source),
    }
  })
}

function isReference(text: string): boolean {
  try {
    parseReference(text)
    return true
  } catch {
    return false
  }
}

function readSource(source: MarketplaceFile['products'][string]['source']): ProductSource {
  const { url, file, reference, image, checksum } = source
  if (image !== undefined) return { kind: 'image', imageId: image }
  if (reference !== undefined) return { kind: 'registry', reference: parseReference(reference) }
  return { kind: 'file', location: url ?? file ?? '', ...(checksum === undefined ? {} : { checksum }) }
}
