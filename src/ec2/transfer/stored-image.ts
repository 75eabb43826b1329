import { z } from 'zod'
import { Ec2Error } from '../errors.ts'
import { readBootSettings } from '../image/boot-settings.ts'
import { requireImageDescription } from '../image/image-description.ts'
import { requireImageName } from '../image/image-name.ts'
import type { ArchivedDisk } from '../ports/image-archive.ts'
import type { Tag } from '../ports/store.ts'
import { isReservedKey, readTags } from '../tag/tag.ts'
import { requireDeviceName } from '../volume/device-name.ts'
import { choosePerformance, requireVolumeSize, requireVolumeType } from '../volume/volume-type.ts'

const tags = z.array(z.strictObject({ key: z.string(), value: z.string() })).max(100)

const diskSchema = z.strictObject({
  deviceName: z.string().max(64),
  volumeSizeGib: z.int().positive(),
  volumeType: z.string().max(32),
  iops: z.int().positive().optional(),
  throughputMibps: z.int().positive().optional(),
  deleteOnTermination: z.boolean(),
  snapshot: z.strictObject({ description: z.string().max(255), tags }),
  /** A qcow2 that stands on no other file. */
  file: z.string().regex(/^disk-\d{1,2}\.qcow2$/),
  sizeBytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const schema = z.strictObject({
  format: z.literal('kiln-image'),
  version: z.literal(1),
  image: z.strictObject({
    id: z.string().max(64),
    name: z.string(),
    description: z.string().optional(),
    architecture: z.enum(['x86_64', 'i386', 'arm64']),
    bootMode: z.enum(['legacy-bios', 'uefi', 'uefi-preferred']),
    tpmSupport: z.literal('v2.0').optional(),
    uefiData: z.string().max(65_536).optional(),
    rootDeviceName: z.string().max(64),
    enaSupport: z.boolean(),
    imdsSupport: z.literal('v2.0').optional(),
    loginUser: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/)
      .optional(),
    tags,
  }),
  disks: z.array(diskSchema).min(1).max(40),
})

/** An AMI as one object: what its manifest tells (docs/guides/import-and-export.md). */
export type StoredImage = z.infer<typeof schema>
export type StoredDisk = z.infer<typeof diskSchema>

/**
 * Checks a manifest that comes from anywhere, by the rules that hold for what callers say themselves. Throws InvalidStoredImage, telling
 * the first member that is wrong.
 */
export function readStoredImage(manifest: unknown): { contents: StoredImage; disks: readonly ArchivedDisk[] } {
  const { success, data, error } = schema.safeParse(manifest)
  if (!success) {
    const [issue] = error.issues
    throw invalid(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'unknown'}`)
  }
  try {
    requireRules(data)
  } catch (problem) {
    throw problem instanceof Ec2Error ? invalid(problem.message) : problem
  }
  return { contents: data, disks: data.disks }
}

function requireRules({ image, disks }: StoredImage): void {
  requireImageName(image.name)
  const { architecture, bootMode, tpmSupport, uefiData } = image
  readBootSettings(architecture, { BootMode: bootMode, TpmSupport: tpmSupport, UefiData: uefiData })
  requireImageDescription(image.description ?? '')
  readOwnTags(image.tags)
  for (const { deviceName, volumeType, volumeSizeGib, iops, throughputMibps, snapshot } of disks) {
    requireDeviceName(deviceName)
    requireVolumeSize(requireVolumeType(volumeType), volumeSizeGib, undefined)
    choosePerformance(volumeType, volumeSizeGib, { Iops: iops, Throughput: throughputMibps })
    readOwnTags(snapshot.tags)
  }
  const names = new Set(disks.map(({ deviceName }) => deviceName))
  const files = new Set(disks.map(({ file }) => file))
  if (names.size < disks.length || files.size < disks.length) throw invalid('a device or a file is there twice')
  if (!names.has(image.rootDeviceName)) throw invalid('it has no root device')
}

/** Tags that a user may put. */
export function readOwnTags(stored: readonly Tag[]): Tag[] {
  return readTags(stored.filter(({ key }) => !isReservedKey(key)).map(({ key, value }) => ({ Key: key, Value: value })))
}

function invalid(why: string): Ec2Error {
  return new Ec2Error('InvalidStoredImage', `The manifest of the stored image is not as it should be: ${why}`)
}
