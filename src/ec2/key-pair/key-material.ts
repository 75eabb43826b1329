import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import sshpk from 'sshpk'
import { Ec2Error } from '../errors.ts'

/** A key pair that was just made. */
export interface NewKey {
  /** RSA: PEM PKCS#1; ED25519: OpenSSH's own format, as EC2 returns them. */
  readonly privateKey: string
  /** One line, OpenSSH format, without a comment. */
  readonly publicKey: string
  readonly fingerprint: string
}

/** The public half of a key pair that somebody else made. */
export interface ImportedKey {
  readonly type: 'rsa' | 'ed25519'
  /** One line, OpenSSH format, without a comment. */
  readonly publicKey: string
  readonly fingerprint: string
}

const generate = promisify(generateKeyPair)
/** "Create a key pair using a third-party tool and import the public key" */
const supportedRsaBits: ReadonlySet<number> = new Set([1024, 2048, 4096])
/** Well above an RSA key of 4096 bits in any of the formats. */
const maximumMaterialBytes = 8192

/** Makes a key pair: RSA of 2048 bits or ED25519. */
export async function createKey(type: 'rsa' | 'ed25519'): Promise<NewKey> {
  if (type === 'rsa') {
    const { privateKey } = await generate('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    // EC2's fingerprint of a key it made is the SHA-1 of the DER private key ("Verify the fingerprint of your key pair").
    return { privateKey: pem, publicKey: openSshLineOf(pem), fingerprint: colonHex('sha1', pkcs8) }
  }
  const { privateKey } = await generate('ed25519', {})
  const key = sshpk.parsePrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'pem')
  const publicKey = stripComment(key.toPublic().toString('ssh'))
  return { privateKey: key.toString('ssh'), publicKey, fingerprint: sha256Of(publicKey) }
}

/**
 * Reads a public key in the formats that EC2 documents: an OpenSSH line, SSH2 (RFC 4716), DER as it is or in base64, PEM. RSA of
 * 1024, 2048 or 4096 bits, or ED25519. Throws InvalidKey.Format.
 */
export function readPublicKey(material: Uint8Array): ImportedKey {
  if (material.length > maximumMaterialBytes) throw invalidKey('The key material is too long for a public key')
  const text = Buffer.from(material).toString('utf8').trim()
  if (text.includes('PRIVATE KEY')) throw invalidKey('A private key was given; import its public half.')
  const key = parsePublicKey(text, material)
  const publicKey = stripComment(key.toString('ssh'))
  // sshpk names signing keys ed25519 and those for key agreement curve25519.
  if (key.type === 'ed25519') return { type: 'ed25519', publicKey, fingerprint: sha256Of(publicKey) }
  if (key.type !== 'rsa') throw invalidKey(`Keys of type ${key.type} are not supported. Use RSA or ED25519.`)
  if (!supportedRsaBits.has(key.size)) {
    throw invalidKey(`RSA keys of ${key.size} bits are not supported. Supported lengths are 1024, 2048 and 4096.`)
  }
  const der = createPublicKey(key.toString('pem')).export({ type: 'spki', format: 'der' })
  // Of an imported RSA key EC2 tells the MD5 of the DER public key.
  return { type: 'rsa', publicKey, fingerprint: colonHex('md5', der) }
}

function parsePublicKey(text: string, material: Uint8Array): sshpk.Key {
  try {
    if (/^(ssh|ecdsa|sk)-/.test(text)) return parseOpenSsh(text)
    if (text.startsWith('---- BEGIN SSH2 PUBLIC KEY ----')) return parseOpenSsh(openSshOfRfc4716(text))
    const key = text.startsWith('-----')
      ? createPublicKey(text)
      : createPublicKey({ key: derOf(text, material), format: 'der', type: 'spki' })
    return sshpk.parseKey(key.export({ type: 'spki', format: 'pem' }), 'pem')
  } catch {
    throw invalidKey('Key is not in valid OpenSSH public key format')
  }
}

/** One line only: what follows another one would become a second key in a guest's authorized_keys. */
function parseOpenSsh(text: string): sshpk.Key {
  if (/[\r\n]/.test(text)) throw new Error('more than one line')
  return sshpk.parseKey(text, 'ssh')
}

/** RFC 4716: headers are `Tag: value`, and a line that ends in a backslash goes on in the next one. The rest is the base64. */
function openSshOfRfc4716(text: string): string {
  const lines = text.replace(/\\\r?\n/g, '').split(/\r?\n/)
  const end = lines.findIndex((line) => line.startsWith('---- END SSH2 PUBLIC KEY ----'))
  const blob = lines
    .slice(1, end < 0 ? 0 : end)
    .filter((line) => !line.includes(':'))
    .join('')
  const bytes = Buffer.from(blob, 'base64')
  const kind = bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1')
  return `${kind} ${blob}`
}

/** EC2 takes DER as base64 text; some clients send it as it is. */
function derOf(text: string, material: Uint8Array): Buffer {
  return /^[A-Za-z0-9+/=\s]+$/.test(text) ? Buffer.from(text, 'base64') : Buffer.from(material)
}

function openSshLineOf(pem: string): string {
  const spki = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' })
  return stripComment(sshpk.parseKey(spki, 'pem').toString('ssh'))
}

function stripComment(line: string): string {
  return line.split(' ').slice(0, 2).join(' ')
}

function sha256Of(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
  return createHash('sha256').update(blob).digest('base64')
}

function colonHex(algorithm: 'sha1' | 'md5', bytes: Buffer): string {
  return createHash(algorithm)
    .update(bytes)
    .digest('hex')
    .replace(/(..)(?=.)/g, '$1:')
}

function invalidKey(message: string): Ec2Error {
  return new Ec2Error('InvalidKey.Format', message)
}
