import { z } from 'zod'
import { hostPath } from './host-path.ts'

const registryReference = z.string().min(1).max(512)

/** Images in registries. */
export const registryInputs = {
  /** Starts sending an image to a registry. */
  KilnPushImage: z.strictObject({
    ImageId: z.string(),
    /** `registry/name:tag`. */
    Reference: registryReference,
    /** A private key in PEM, or cosign.key. */
    SigningKeyFile: hostPath.optional(),
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Starts bringing an image from a registry. */
  KilnPullRegistryImage: z.strictObject({
    /** `registry/name:tag`, or `registry/name@sha256:HEX`. */
    Reference: registryReference,
    Name: z.string().optional(),
    /** A key that must have signed it. */
    PublicKeyFile: hostPath.optional(),
  }),
  /** Signs an image that is in a registry. */
  KilnSignRegistryImage: z.strictObject({
    Reference: registryReference,
    SigningKeyFile: hostPath,
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Keeps a login, once the registry has let it in. */
  KilnLoginToRegistry: z.strictObject({
    Host: z.string().max(255),
    Username: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^:]*$/, 'must have no colon'),
    Password: z.string().min(1).max(16_384),
  }),
  KilnLogoutFromRegistry: z.strictObject({ Host: z.string().max(255) }),
}

export interface RegistryOutputs {
  KilnPushImage: { TaskId: string }
  KilnPullRegistryImage: { TaskId: string }
  KilnSignRegistryImage: { Digest: string }
  KilnLoginToRegistry: Record<string, never>
  KilnLogoutFromRegistry: { WasLoggedIn: boolean }
}
