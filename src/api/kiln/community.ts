import { z } from 'zod'
import { hostPath } from './host-path.ts'

/** What Kilns publish for each other. */
export const communityInputs = {
  /** Starts sending an image that is public to the community registry, for other Kilns. */
  KilnPublishImage: z.strictObject({
    ImageId: z.string(),
    SigningKeyFile: hostPath.optional(),
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Takes back what the account has published by that name. */
  KilnUnpublishImage: z.strictObject({ Name: z.string().min(1).max(128) }),
  /** What others, and this Kiln, have published. */
  KilnDescribeCommunityImages: z.strictObject({
    /** A part of the name, the description or the owner. */
    Query: z.string().min(1).max(128).optional(),
  }),
  /** Starts bringing a community image, as a public AMI of its publisher's account. */
  KilnPullCommunityImage: z.strictObject({
    Name: z.string().min(1).max(128),
    /** Its publisher, where several have published that name. */
    OwnerId: z
      .string()
      .regex(/^\d{12}$/, 'must be twelve digits')
      .optional(),
  }),
  /** Deregisters a community image here, with those of its snapshots that nothing else maps; its publisher keeps it. */
  KilnForgetCommunityImage: z.strictObject({ ImageId: z.string() }),
}

export interface CommunityOutputs {
  KilnPublishImage: { TaskId: string }
  KilnUnpublishImage: Record<string, never>
  KilnDescribeCommunityImages: { Images: CommunityImageDescription[] }
  KilnPullCommunityImage: { TaskId: string }
  KilnForgetCommunityImage: Record<string, never>
}

export interface CommunityImageDescription {
  Name: string
  /** Its publisher's account. */
  OwnerId: string
  Digest: string
  Description?: string
  Architecture?: string
  CreationDate?: string
  /** Of its layers. */
  SizeBytes?: number
  /** When it is here. */
  ImageId?: string
}
