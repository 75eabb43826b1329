import { createPrivateKey, generateKeyPair, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import sshpk from 'sshpk'
import type { Clock } from '../host/clock.ts'
import { writeFileAtomic } from '../host/files.ts'
import { writeSignedData } from './signed-data.ts'

/** The signatures of one document, as the metadata service gives them: base64 in lines. */
export interface DocumentSignatures {
  /** RSA with SHA-256. */
  readonly signature: string
  /** The same signature and the document itself, in PKCS #7. */
  readonly pkcs7: string
}

/** Signs instance identity documents with a key of this Kiln's own, which is made when it is first needed and kept. */
export interface DocumentSigner {
  /** A document that was signed is not signed again. Rejects when the key cannot be read or made. */
  sign(document: string): Promise<DocumentSignatures>
  /** What verifies them, PEM. Rejects as `sign`. */
  certificate(): Promise<string>
}

export interface DocumentSignerDependencies {
  readonly clock: Clock
  /** Paths of the private key (PKCS #8, PEM, 0600) and of its certificate (PEM). */
  readonly keyPath: string
  readonly certificatePath: string
}

interface Identity {
  readonly key: KeyObject
  readonly certificate: X509Certificate
}

const keyBits = 2048
/** RFC 5280: dates from 2050 on are written another way, which sshpk does too. */
const lifeSeconds = 50 * 365 * 24 * 3600
/** Guests whose clock is behind shall not find the certificate to be of the future. */
const clockSkewMs = 24 * 3600 * 1000
const distinguishedName = 'CN=instance-identity.kiln, O=Kiln'
/** emailProtection: what `openssl smime` asks a signer's certificate for. */
const smimePurpose = '1.3.6.1.5.5.7.3.4'
/** A document is signed anew when it has been pushed out by that many others. */
const keptDocuments = 2000
const lineLength = 64

export function createDocumentSigner({ clock, keyPath, certificatePath }: DocumentSignerDependencies): DocumentSigner {
  const signed = new Map<string, Promise<DocumentSignatures>>()
  let identity: Promise<Identity> | undefined

  function ensureIdentity(): Promise<Identity> {
    identity ??= loadIdentity().catch((error: unknown) => {
      identity = undefined
      throw error
    })
    return identity
  }

  async function loadIdentity(): Promise<Identity> {
    const [keyText, certificateText] = await Promise.all([readIfPresent(keyPath), readIfPresent(certificatePath)])
    const pem = keyText ?? (await makeKey())
    const key = createPrivateKey(pem)
    const known = certificateText === undefined ? undefined : new X509Certificate(certificateText)
    if (known?.checkPrivateKey(key)) return { key, certificate: known }
    // The key first: a certificate is made again from it, the other way round nothing would be verified any more.
    if (keyText === undefined) await writeFileAtomic(keyPath, pem)
    const made = makeCertificate(pem)
    await writeFileAtomic(certificatePath, made, { mode: 0o644 })
    return { key, certificate: new X509Certificate(made) }
  }

  function makeCertificate(pem: string): string {
    const now = clock.now().getTime()
    const certificate = sshpk.createSelfSignedCertificate(
      sshpk.identityFromDN(distinguishedName),
      sshpk.parsePrivateKey(pem, 'pem'),
      {
        validFrom: new Date(now - clockSkewMs),
        validUntil: new Date(now + lifeSeconds * 1000),
        purposes: ['signature', 'ca', 'crl', smimePurpose],
      },
    )
    return certificate.toString('pem')
  }

  async function signAnew(document: string): Promise<DocumentSignatures> {
    const { key, certificate } = await ensureIdentity()
    const content = Buffer.from(document)
    const signature = await signContent(content, key)
    const pkcs7 = writeSignedData({ content, signature, certificate: certificate.raw })
    return { signature: base64Lines(signature), pkcs7: base64Lines(pkcs7) }
  }

  return {
    sign: (document) => {
      const known = signed.get(document)
      if (known) return known
      const signatures = signAnew(document)
      signed.set(document, signatures)
      signatures.catch(() => signed.delete(document))
      const [oldest] = signed.size > keptDocuments ? signed.keys() : []
      if (oldest !== undefined) signed.delete(oldest)
      return signatures
    },
    certificate: async () => (await ensureIdentity()).certificate.toString(),
  }
}

async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: keyBits })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** In a thread of its own: other guests' requests do not wait for it. */
async function signContent(content: Buffer, key: KeyObject): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    sign('sha256', content, key, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}

function base64Lines(bytes: Buffer): string {
  return (bytes.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []).join('\n')
}

async function readIfPresent(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
