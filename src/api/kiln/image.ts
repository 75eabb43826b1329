import { z } from 'zod'
import { type ImageCategory, imageCategories } from '../../ec2/image/image-category.ts'

const architecture = z.enum(['x86_64', 'i386', 'arm64'])
const bootMode = z.enum(['legacy-bios', 'uefi', 'uefi-preferred'])

/** Images that are made of recipes, of the Quick Start catalogue, and of files. */
export const imageInputs = {
  /** Starts building an image from a recipe of images/. */
  KilnBuildImage: z.strictObject({
    Recipe: z.string().min(1),
    Name: z.string().optional(),
    /** The recipe's first when absent. */
    Architecture: architecture.optional(),
    /** The usual one of the architecture when absent. */
    BootMode: bootMode.optional(),
  }),
  /** Starts downloading an image of the Quick Start catalogue. */
  KilnPullImage: z.strictObject({
    CatalogName: z.string().min(1),
    Name: z.string().optional(),
    /** Takes `NAME-ARCHITECTURE` of the catalogue when NAME is of another. */
    Architecture: architecture.optional(),
  }),
  /** Starts importing a disk image from an absolute path on the host, an http(s) URL, or `s3://BUCKET/KEY`. */
  KilnImportImage: z.strictObject({
    Source: z.string().min(1).max(4096),
    Name: z.string(),
    Description: z.string().max(255).optional(),
    Architecture: architecture.optional(),
    /** The usual one of the architecture when absent. */
    BootMode: bootMode.optional(),
    /** `sha256:HEX` or `sha512:HEX`. */
    Checksum: z.string().max(160).optional(),
    LoginUser: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'must be a user name')
      .optional(),
  }),
  KilnDescribeRecipes: z.strictObject({}),
  KilnDescribeCatalog: z.strictObject({}),
  /** The category of each image that the caller sees: where EC2's launch wizard would have it. */
  KilnDescribeImageCategories: z.strictObject({ Category: z.enum(imageCategories).optional() }),
}

export interface ImageOutputs {
  KilnBuildImage: { TaskId: string }
  KilnPullImage: { TaskId: string }
  KilnImportImage: { TaskId: string }
  KilnDescribeRecipes: {
    /** The architecture of a build that asks for none comes first. */
    Recipes: { Name: string; Description: string; Architectures: z.infer<typeof architecture>[] }[]
  }
  KilnDescribeCatalog: {
    Entries: {
      Name: string
      Description: string
      Architecture: string
      Url: string
      LoginUser: string
      /** The newest image that was pulled by this name. */
      ImageId?: string
    }[]
  }
  KilnDescribeImageCategories: {
    /** `LoginUser`: whom its servers let in, as far as that is known. */
    Images: { ImageId: string; Category: ImageCategory; LoginUser?: string }[]
  }
}
