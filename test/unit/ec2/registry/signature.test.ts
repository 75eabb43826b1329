import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, scryptSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import nacl from 'tweetnacl'
import { expect, onTestFinished, test } from 'vitest'
import type { RegistryHost } from '../../../../src/ec2/ports/registry.ts'
import { digestOf } from '../../../../src/ec2/registry/content-id.ts'
import { requireSignature, signatureTagOf, signManifest } from '../../../../src/ec2/registry/signature.ts'
import { readPrivateKey, readPublicKey } from '../../../../src/ec2/registry/signing-key.ts'

const repository = { host: 'reg.io', path: 'team/web' }
const digest = `sha256:${'0a'.repeat(32)}`
const work = { signal: new AbortController().signal, onSent: () => undefined }

/** A registry in memory, as far as signatures need one. */
function memoryRegistry() {
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const registry: Partial<RegistryHost> = {
    readManifest: async ({ reference }) => {
      const content = manifests.get(reference)
      return content && { content, digest: digestOf(content) }
    },
    readBlob: async (_repository, blob) => blobs.get(blob.digest) ?? Buffer.alloc(0),
    putBlob: async (_repository, blob) => {
      blobs.set(blob.digest, await blob.read(0, blob.sizeBytes))
      return 'uploaded'
    },
    putManifest: async ({ reference }, _type, content) => void manifests.set(reference, content),
  }
  return { blobs, manifests, registry: registry as RegistryHost }
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-keys-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

test('a signature is where and what cosign looks for, and openssl verifies it', async () => {
  const directory = await temporaryDirectory()
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { blobs, manifests, registry } = memoryRegistry()
  await signManifest(registry, repository, digest, privateKey, work)
  const tag = `sha256-${'0a'.repeat(32)}.sig`
  expect([...manifests.keys()]).toEqual([tag])
  expect(signatureTagOf(digest)).toBe(tag)
  const manifest = JSON.parse(manifests.get(tag)?.toString() ?? '') as {
    layers: { mediaType: string; digest: string; annotations: Record<string, string> }[]
  }
  const [layer] = manifest.layers
  expect(layer?.mediaType).toBe('application/vnd.dev.cosign.simplesigning.v1+json')
  const payload = blobs.get(layer?.digest ?? '') ?? Buffer.alloc(0)
  expect(payload.toString()).toBe(
    `{"critical":{"identity":{"docker-reference":"reg.io/team/web"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":null}`,
  )
  const signature = Buffer.from(layer?.annotations['dev.cosignproject.cosign/signature'] ?? '', 'base64')
  const path = (name: string) => join(directory, name)
  await writeFile(path('payload'), payload)
  await writeFile(path('signature'), signature)
  await writeFile(path('key.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  const args = ['dgst', '-sha256', '-verify', path('key.pub'), '-signature', path('signature'), path('payload')]
  expect(execFileSync('openssl', args, { encoding: 'utf8' })).toBe('Verified OK\n')
})

test('a signature of openssl in the place of cosign is accepted, for that digest and that key only', async () => {
  const directory = await temporaryDirectory()
  const path = (name: string) => join(directory, name)
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path('key')])
  execFileSync('openssl', ['ec', '-in', path('key'), '-pubout', '-out', path('key.pub')], { stdio: 'pipe' })
  // Other members than ours, in another order, as another version of cosign may write them.
  const payload = Buffer.from(
    `{"optional":{"who":"me"},"critical":{"type":"cosign container image signature","image":{"docker-manifest-digest":"${digest}"},"identity":{"docker-reference":"mirror.io/web"}}}`,
  )
  await writeFile(path('payload'), payload)
  const signature = execFileSync('openssl', ['dgst', '-sha256', '-sign', path('key'), path('payload')])
  const { blobs, manifests, registry } = memoryRegistry()
  const put = (tag: string) => {
    blobs.set(digestOf(payload), payload)
    const annotations = { 'dev.cosignproject.cosign/signature': signature.toString('base64') }
    const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'
    const layer = { mediaType, size: payload.length, digest: digestOf(payload), annotations }
    manifests.set(tag, Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [{ mediaType: 'other' }, layer] })))
  }
  put(signatureTagOf(digest))
  const key = { path: path('key.pub'), key: await readPublicKey(path('key.pub')) }
  const other = { path: 'other.pub', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey }
  const signerOf = (wanted: string, keys: readonly (typeof key)[]) =>
    requireSignature(registry, repository, wanted, keys, work.signal)
  expect(await signerOf(digest, [other, key])).toBe(key)
  await expect(signerOf(digest, [other])).rejects.toMatchObject({ code: 'ImageSignatureInvalid' })
  // The signature of one image, put beside another.
  const another = `sha256:${'0b'.repeat(32)}`
  put(signatureTagOf(another))
  await expect(signerOf(another, [key])).rejects.toMatchObject({ code: 'ImageSignatureInvalid' })
  await expect(signerOf(`sha256:${'0c'.repeat(32)}`, [key])).rejects.toMatchObject({ code: 'ImageSignatureRequired' })
})

test('signing twice leaves one signature; a second signer leaves two', async () => {
  const [one, two] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  if (!one || !two) throw new Error('no keys')
  const { manifests, registry } = memoryRegistry()
  for (const key of [one, one, two]) await signManifest(registry, repository, digest, key, work)
  const { layers } = JSON.parse(manifests.get(signatureTagOf(digest))?.toString() ?? '') as { layers: unknown[] }
  expect(layers).toHaveLength(2)
})

test.each(['SIGSTORE', 'COSIGN'])("opens cosign's private key, %s, with its password", async (maker) => {
  const directory = await temporaryDirectory()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // The envelope of go-securesystemslib, made here by its description.
  const [salt, nonce] = [Buffer.alloc(32, 7), Buffer.alloc(24, 9)]
  const params = { N: 32_768, r: 8, p: 1 }
  const key = scryptSync('geheim', salt, 32, { ...params, maxmem: 64 * 1024 ** 2 })
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' })
  const envelope = {
    kdf: { name: 'scrypt', params, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(nacl.secretbox(plain, nonce, key)).toString('base64'),
  }
  const body = Buffer.from(JSON.stringify(envelope))
    .toString('base64')
    .replaceAll(/(.{64})/g, '$1\n')
  const path = join(directory, 'cosign.key')
  await writeFile(
    path,
    `-----BEGIN ENCRYPTED ${maker} PRIVATE KEY-----\n${body}\n-----END ENCRYPTED ${maker} PRIVATE KEY-----\n`,
  )
  const opened = await readPrivateKey(path, 'geheim')
  expect(opened.export({ type: 'pkcs8', format: 'der' })).toEqual(plain)
  await expect(readPrivateKey(path, 'falsch')).rejects.toThrow(`${path} cannot be used: the password is wrong.`)
})

test.each([
  ['a key of RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), /not an ECDSA key over P-256/],
  ['a key over another curve', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), /not an ECDSA key over P-256/],
])('refuses %s', async (_what, generate, why) => {
  const directory = await temporaryDirectory()
  const path = join(directory, 'key')
  const { publicKey, privateKey } = generate()
  await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await expect(readPrivateKey(path)).rejects.toThrow(why)
  await writeFile(path, publicKey.export({ type: 'spki', format: 'pem' }))
  await expect(readPublicKey(path)).rejects.toThrow(why)
  await writeFile(path, 'no key')
  await expect(readPublicKey(path)).rejects.toThrow(/no public key in PEM/)
  await expect(readPublicKey(`${path}-absent`)).rejects.toThrow(/cannot read it \(ENOENT\)/)
})
