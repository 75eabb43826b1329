import { type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { Ec2Error } from '../errors.ts'
import type { RegistryHost, Repository, StoredManifest } from '../ports/registry.ts'
import { mediaType } from './ami-document.ts'
import { digestOf } from './content-id.ts'
import { digestPattern, formatRepository } from './reference.ts'

/**
 * Signatures as cosign makes them with a key pair (cosign's SIGNATURE_SPEC.md): beside an image, under a tag made of its digest, a
 * manifest with a layer for each signature. The layer's blob is what was signed, its annotation the signature: ECDSA over P-256 with
 * SHA-256, DER in base64.
 */
const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json'
const signatureAnnotation = 'dev.cosignproject.cosign/signature'
const simpleSigningType = 'cosign container image signature'
const configType = 'application/vnd.oci.image.config.v1+json'
const maximumPayloadBytes = 64 * 1024
/** Signatures beyond these are not looked at. */
const maximumSignatures = 64

const layerSchema = z.object({
  mediaType: z.string(),
  digest: z.string().regex(digestPattern),
  size: z.int().min(1).max(maximumPayloadBytes),
  annotations: z.record(z.string(), z.string()).default({}),
})
const manifestSchema = z.object({ layers: z.array(z.unknown()).max(10_000) })
const payloadSchema = z.object({
  critical: z.object({
    identity: z.object({ 'docker-reference': z.string() }),
    image: z.object({ 'docker-manifest-digest': z.string() }),
    type: z.literal(simpleSigningType),
  }),
})

interface Signature {
  readonly payload: Buffer
  readonly annotations: Readonly<Record<string, string>>
}

/** The tag under which cosign looks for the signatures of a manifest. */
export function signatureTagOf(digest: string): string {
  return `${digest.replace(':', '-')}.sig`
}

/** What is signed of an image ("simple signing"). Pure. */
export function signaturePayload(repository: Repository, digest: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': formatRepository(repository) },
        image: { 'docker-manifest-digest': digest },
        type: simpleSigningType,
      },
      optional: null,
    }),
  )
}

/** Puts a signature beside the manifest of that digest, which may come later; others' signatures stay. */
export async function signManifest(
  registry: RegistryHost,
  repository: Repository,
  digest: string,
  key: KeyObject,
  work: { signal: AbortSignal; onSent: (bytes: number) => void },
): Promise<void> {
  const payload = signaturePayload(repository, digest)
  const place = { ...repository, reference: signatureTagOf(digest) }
  const present = await registry.readManifest(place, work.signal)
  const others = present ? await readSignatures(registry, repository, present, work.signal) : []
  if (others.some((other) => isSignedBy(other, digest, key))) return
  const signature = sign('sha256', payload, key).toString('base64')
  const signatures = [...others, { payload, annotations: { [signatureAnnotation]: signature } }]
  const config = configOf(signatures)
  for (const blob of [payload, config]) await registry.putBlob(repository, sourceOf(blob), [], work)
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: { mediaType: configType, size: config.length, digest: digestOf(config) },
    layers: signatures.map(({ payload: signed, annotations }) => ({
      mediaType: payloadType,
      size: signed.length,
      digest: digestOf(signed),
      annotations,
    })),
  }
  const content = Buffer.from(JSON.stringify(manifest))
  work.onSent(content.length)
  await registry.putManifest(place, mediaType.manifest, content, work.signal)
}

/**
 * Resolves with the first of the keys that has signed the manifest of that digest. Rejects with ImageSignatureRequired when it has no
 * signature, with ImageSignatureInvalid when it has some and none is by one of the keys.
 */
export async function requireSignature<Key extends { readonly key: KeyObject; readonly path: string }>(
  registry: RegistryHost,
  repository: Repository,
  digest: string,
  keys: readonly Key[],
  signal: AbortSignal,
): Promise<Key> {
  const name = `${formatRepository(repository)}@${digest}`
  const stored = await registry.readManifest({ ...repository, reference: signatureTagOf(digest) }, signal)
  const signatures = stored ? await readSignatures(registry, repository, stored, signal) : []
  const files = keys.map(({ path }) => path).join(', ')
  if (signatures.length === 0) {
    throw new Ec2Error(
      'ImageSignatureRequired',
      `${name} is not signed, and a signature is demanded that ${files} verifies. Nothing was pulled.`,
    )
  }
  const signer = keys.find(({ key }) => signatures.some((signature) => isSignedBy(signature, digest, key)))
  if (signer) return signer
  throw new Ec2Error(
    'ImageSignatureInvalid',
    `None of the ${signatures.length} signatures of ${name} is by a key that is trusted here (${files}). Nothing was pulled.`,
  )
}

/** Verified as far as digests go; what is no signature is passed over. */
async function readSignatures(
  registry: RegistryHost,
  repository: Repository,
  { content }: StoredManifest,
  signal: AbortSignal,
): Promise<Signature[]> {
  const manifest = manifestSchema.safeParse(parseJson(content))
  const layers = (manifest.data?.layers ?? []).flatMap((layer) => layerSchema.safeParse(layer).data ?? [])
  const signatures: Signature[] = []
  for (const { mediaType: type, digest, size, annotations } of layers.slice(0, maximumSignatures)) {
    if (type !== payloadType || annotations[signatureAnnotation] === undefined) continue
    signatures.push({ payload: await registry.readBlob(repository, { digest, sizeBytes: size }, signal), annotations })
  }
  return signatures
}

function isSignedBy({ payload, annotations }: Signature, digest: string, key: KeyObject): boolean {
  const signature = Buffer.from(annotations[signatureAnnotation] ?? '', 'base64')
  if (!verify('sha256', payload, key, signature)) return false
  const parsed = payloadSchema.safeParse(parseJson(payload))
  return parsed.data?.critical.image['docker-manifest-digest'] === digest
}

/** What cosign writes there: it says nothing, but a registry may want an image's config. */
function configOf(signatures: readonly Signature[]): Buffer {
  const never = '0001-01-01T00:00:00Z'
  return Buffer.from(
    JSON.stringify({
      architecture: '',
      created: never,
      history: signatures.map(() => ({ created: never })),
      os: '',
      rootfs: { type: 'layers', diff_ids: signatures.map(({ payload }) => digestOf(payload)) },
      config: {},
    }),
  )
}

/** Bytes that are at hand, as a blob to be sent. */
export function sourceOf(content: Buffer) {
  return {
    digest: digestOf(content),
    sizeBytes: content.length,
    read: async (offset: number, length: number) => content.subarray(offset, offset + length),
  }
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    return undefined
  }
}
