import { createPrivateKey, createPublicKey, type KeyObject, scrypt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import nacl from 'tweetnacl'
import { z } from 'zod'
import { Ec2Error } from '../errors.ts'

/** What `cosign generate-key-pair` writes, now and before version 2. */
const encryptedPem =
  /-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END ENCRYPTED \1 PRIVATE KEY-----/
/** The envelope of go-securesystemslib's `encrypted` package. */
const envelopeSchema = z.object({
  kdf: z.object({
    name: z.literal('scrypt'),
    params: z.object({
      N: z
        .int()
        .min(2)
        .max(2 ** 20),
      r: z.int().min(1).max(32),
      p: z.int().min(1).max(16),
    }),
    salt: z.base64(),
  }),
  cipher: z.object({ name: z.literal('nacl/secretbox'), nonce: z.base64() }),
  ciphertext: z.base64(),
})
const deriveKey = promisify<string, Buffer, number, object, Buffer>(scrypt)
/** More than its N and r can ask for within the limits above would be an attack. */
const maximumScryptBytes = 512 * 1024 ** 2

/** A public key as `cosign.pub` has it: PEM, ECDSA over P-256. Rejects with InvalidSigningKey naming the file. */
export async function readPublicKey(path: string): Promise<KeyObject> {
  const text = await readKeyFile(path)
  try {
    return requireP256(createPublicKey(text), path)
  } catch (error) {
    throw keyError(path, error, 'it holds no public key in PEM')
  }
}

/**
 * A private key: `cosign.key` with its password, or PKCS #8 or SEC 1 in PEM, encrypted or not. Rejects with InvalidSigningKey naming the
 * file.
 */
export async function readPrivateKey(path: string, password = ''): Promise<KeyObject> {
  const text = await readKeyFile(path)
  try {
    const body = encryptedPem.exec(text)?.[2]
    const key =
      body === undefined
        ? createPrivateKey({ key: text, passphrase: password })
        : createPrivateKey({
            key: await openEnvelope(Buffer.from(body, 'base64'), password),
            format: 'der',
            type: 'pkcs8',
          })
    return requireP256(key, path)
  } catch (error) {
    throw keyError(path, error, 'it holds no private key in PEM, or the password is wrong')
  }
}

async function openEnvelope(envelope: Buffer, password: string): Promise<Buffer> {
  const { kdf, cipher, ciphertext } = envelopeSchema.parse(JSON.parse(envelope.toString('utf8')))
  const { N, r, p } = kdf.params
  const options = { N, r, p, maxmem: maximumScryptBytes }
  const key = await deriveKey(password, Buffer.from(kdf.salt, 'base64'), nacl.secretbox.keyLength, options)
  const opened = nacl.secretbox.open(Buffer.from(ciphertext, 'base64'), Buffer.from(cipher.nonce, 'base64'), key)
  if (!opened) throw new Ec2Error('InvalidSigningKey', 'the password is wrong')
  return Buffer.from(opened)
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw keyError(
      path,
      error,
      `the daemon cannot read it (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})`,
    )
  }
}

function requireP256(key: KeyObject, path: string): KeyObject {
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw new Ec2Error('InvalidSigningKey', `${path} cannot be used: it is not an ECDSA key over P-256.`)
}

function keyError(path: string, error: unknown, why: string): Ec2Error {
  if (error instanceof Ec2Error && error.message.startsWith(path)) return error
  return new Ec2Error(
    'InvalidSigningKey',
    `${path} cannot be used: ${error instanceof Ec2Error ? error.message : why}.`,
  )
}
