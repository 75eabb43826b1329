import { z } from 'zod'
import { isUefiData } from '../uefi/uefi-data.ts'
import { Ec2Error } from '../errors.ts'
import { isDeviceName } from '../volume/device-name.ts'
import type { VolumePerformance } from '../volume/volume-type.ts'
import { contentIdOf } from './content-id.ts'
import { digestPattern } from './reference.ts'

/** Media types of an AMI in a registry. */
export const mediaType = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  artifact: 'application/vnd.kiln.ami.v1',
  config: 'application/vnd.kiln.ami.config.v1+json',
  /** A layer's qcow2 file in its canonical form; never compressed, so that what is announced is what comes. */
  layer: 'application/vnd.kiln.layer.v1.qcow2',
} as const

/** What a list of images is made from without a look into each. */
export const annotation = {
  name: 'org.opencontainers.image.title',
  description: 'org.opencontainers.image.description',
  created: 'org.opencontainers.image.created',
  account: 'vnd.kiln.ami.account',
  architecture: 'vnd.kiln.ami.architecture',
  /** The bytes of its layers. */
  sizeBytes: 'vnd.kiln.ami.size',
  /** On what stands in the place of an image that its publisher has taken back. */
  withdrawn: 'vnd.kiln.ami.withdrawn',
} as const

export const maximumConfigBytes = 1024 ** 2
/** QEMU opens each; at 100 a volume takes no more snapshots. */
const maximumLayers = 500
const digest = z.string().regex(digestPattern, 'must be sha256: and 64 digits')
const bytes = z
  .int()
  .min(1)
  .max(2 ** 50)

const descriptor = z.object({ mediaType: z.string(), digest, size: bytes })
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  artifactType: z.literal(mediaType.artifact),
  config: descriptor.extend({ mediaType: z.literal(mediaType.config), size: bytes.max(maximumConfigBytes) }),
  layers: z
    .array(descriptor.extend({ mediaType: z.literal(mediaType.layer) }))
    .min(1)
    .max(maximumLayers),
  annotations: z.record(z.string(), z.string()).default({}),
})

const withdrawnSchema = z.object({ annotations: z.record(z.string(), z.string()).default({}) })

const configSchema = z.object({
  name: z.string().max(128),
  description: z.string().max(255).optional(),
  accountId: z.string().regex(/^\d{12}$/),
  architecture: z.enum(['x86_64', 'i386', 'arm64']),
  bootMode: z.enum(['legacy-bios', 'uefi', 'uefi-preferred']),
  tpmSupport: z.literal('v2.0').optional(),
  uefiData: z.string().max(1_000_000).refine(isUefiData, 'expected UEFI variables as EC2 packs them.').optional(),
  enaSupport: z.boolean(),
  imdsSupport: z.literal('v2.0').optional(),
  loginUser: z.string().max(64).optional(),
  creationDate: z.iso.datetime(),
  rootDeviceName: z.string().max(64),
  /** Of the marketplace products that are in it. */
  productCodes: z.array(z.string().min(1).max(128)).min(1).max(20).optional(),
  blockDevices: z
    .array(
      z.object({
        deviceName: z.string().refine(isDeviceName, 'must be a device name'),
        volumeSizeGib: z.int().min(1).max(65_536),
        volumeType: z.string().max(32),
        iops: z.int().positive().optional(),
        throughputMibps: z.int().positive().optional(),
        deleteOnTermination: z.boolean(),
        /** The layer that it begins as, by its id. */
        layer: digest,
      }),
    )
    .min(1)
    .max(40),
  /** Each after what it stands on. `id` is the layer's content id, `parent` that of what it stands on. */
  layers: z
    .array(z.object({ id: digest, digest, parent: digest.optional(), virtualSizeBytes: bytes }))
    .min(1)
    .max(maximumLayers),
  tags: z.array(z.object({ key: z.string().min(1).max(128), value: z.string().max(256) })).max(50),
})

/** An AMI's metadata: the config blob. */
export type AmiDocument = z.infer<typeof configSchema>
/** Config and layers, by digest and size. */
export type AmiManifest = z.infer<typeof manifestSchema>

/** The manifest of an image, the same bytes each time it is made. */
export function writeManifest(
  config: { digest: string; sizeBytes: number },
  layers: readonly { digest: string; sizeBytes: number }[],
  annotations: Readonly<Record<string, string>>,
): Buffer {
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    artifactType: mediaType.artifact,
    config: { mediaType: mediaType.config, digest: config.digest, size: config.sizeBytes },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: mediaType.layer, digest, size: sizeBytes })),
    annotations,
  }
  return Buffer.from(JSON.stringify(manifest))
}

/** Throws RegistryContentInvalid, naming the image, for anything but the manifest of an AMI. */
export function readManifest(content: Buffer, name: string): AmiManifest {
  if (parse(withdrawnSchema, content, name).annotations[annotation.withdrawn] !== undefined) {
    throw new Ec2Error('RegistryImageNotFound', `${name} was taken back by its publisher.`)
  }
  return parse(manifestSchema, content, name)
}

/**
 * The metadata of an AMI, proven to hang together: each layer has the id that its chain gives it, stands on one before it that is no
 * larger, and is in the manifest; each device begins as one of them and is as large. Throws RegistryContentInvalid.
 */
export function readDocument(content: Buffer, manifest: AmiManifest, name: string): AmiDocument {
  const document = parse(configSchema, content, name)
  const sent = new Set(manifest.layers.map(({ digest }) => digest))
  const known = new Map<string, AmiDocument['layers'][number]>()
  for (const layer of document.layers) {
    const parent = layer.parent === undefined ? undefined : known.get(layer.parent)
    if (layer.parent !== undefined && !parent)
      throw wrong(name, `layer ${layer.id} stands on one that is not before it`)
    if (contentIdOf(layer.parent, layer.digest) !== layer.id)
      throw wrong(name, `layer ${layer.id} is not what its chain gives`)
    if (parent && parent.virtualSizeBytes > layer.virtualSizeBytes) {
      throw wrong(name, `layer ${layer.id} is smaller than what it stands on`)
    }
    if (!sent.has(layer.digest)) throw wrong(name, `layer ${layer.digest} is not in its manifest`)
    known.set(layer.id, layer)
  }
  const devices = new Set(document.blockDevices.map(({ deviceName }) => deviceName))
  if (devices.size < document.blockDevices.length) throw wrong(name, 'a device name is used twice')
  if (!devices.has(document.rootDeviceName)) throw wrong(name, 'it has no root device')
  for (const { deviceName, layer, volumeSizeGib } of document.blockDevices) {
    const found = known.get(layer)
    if (!found) throw wrong(name, `device ${deviceName} begins as a layer that is not there`)
    if (found.virtualSizeBytes > volumeSizeGib * 1024 ** 3)
      throw wrong(name, `device ${deviceName} is smaller than its layer`)
  }
  return document
}

/** The speed of a device's volumes, as far as it is said. */
export function performanceOf({
  iops,
  throughputMibps,
}: {
  readonly iops?: number | undefined
  readonly throughputMibps?: number | undefined
}): VolumePerformance {
  return { ...(iops === undefined ? {} : { iops }), ...(throughputMibps === undefined ? {} : { throughputMibps }) }
}

function parse<Schema extends z.ZodType>(schema: Schema, content: Buffer, name: string): z.infer<Schema> {
  let value: unknown
  try {
    value = JSON.parse(content.toString('utf8'))
  } catch {
    throw wrong(name, 'it is not JSON')
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw wrong(name, `${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unknown'}`)
}

function wrong(name: string, why: string): Ec2Error {
  return new Ec2Error('RegistryContentInvalid', `${name} is not an AMI that Kiln can take: ${why}.`)
}
