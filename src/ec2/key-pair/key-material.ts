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

const generate = promisify(generateKeyPair)

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

/** Reads a public key in OpenSSH, PEM or DER form. Throws InvalidKey.Format for what EC2 does not take. */
export function readPublicKey(material: Uint8Array): {
  type: 'rsa' | 'ed25519'
  publicKey: string
  fingerprint: string
} {
  const text = Buffer.from(material).toString('utf8').trim()
  const publicKey = openSshOf(text, material)
  const [kind] = publicKey.split(' ')
  if (kind === 'ssh-ed25519') return { type: 'ed25519', publicKey, fingerprint: sha256Of(publicKey) }
  const key = sshpk.parseKey(publicKey, 'ssh')
  if (kind !== 'ssh-rsa' || key.size < 1024)
    throw invalidKey('Only RSA keys of 1024, 2048 or 4096 bits and ED25519 keys are supported.')
  const der = createPublicKey(key.toString('pem')).export({ type: 'spki', format: 'der' })
  // Of an imported RSA key EC2 tells the MD5 of the DER public key.
  return { type: 'rsa', publicKey, fingerprint: colonHex('md5', der) }
}

function openSshOf(text: string, material: Uint8Array): string {
  try {
    if (/^(ssh-|ecdsa-)/.test(text)) return stripComment(sshpk.parseKey(text, 'ssh').toString('ssh'))
    if (text.includes('PRIVATE KEY')) throw invalidKey('A private key was given; import its public half.')
    const key = text.startsWith('-----')
      ? createPublicKey(text)
      : createPublicKey({ key: derOf(text, material), format: 'der', type: 'spki' })
    return stripComment(sshpk.parseKey(key.export({ type: 'spki', format: 'pem' }), 'pem').toString('ssh'))
  } catch (error) {
    if (error instanceof Ec2Error) throw error
    throw invalidKey('Key is not in valid OpenSSH public key format')
  }
}

/** Some clients send DER as base64 text. */
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
