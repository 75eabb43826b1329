import { mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createDocumentSigner, type DocumentSigner } from '../../../src/metadata/document-signer.ts'
import { identityDocument } from '../../../src/metadata/identity-document.ts'
import { sampleInstance } from './sample-instance.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-signer-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

function createSigner(): DocumentSigner {
  const [keyPath, certificatePath] = [join(directory, 'key'), join(directory, 'pem')]
  return createDocumentSigner({ clock, keyPath, certificatePath })
}

const document = identityDocument(sampleInstance())

/** Files as EC2's pages on verifying have them written. */
async function writeFiles(signer: DocumentSigner): Promise<void> {
  const { signature, pkcs7 } = await signer.sign(document)
  const files = {
    document,
    pkcs7: `-----BEGIN PKCS7-----\n${pkcs7}\n-----END PKCS7-----\n`,
    signature: Buffer.from(signature, 'base64'),
    certificate: await signer.certificate(),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content)
}

async function openssl(...argv: readonly string[]): Promise<string> {
  const { stdout, exitCode } = await execa('openssl', argv, { cwd: directory, reject: false })
  return `${exitCode} ${stdout}`
}

const smime = ['smime', '-verify', '-in', 'pkcs7', '-inform', 'PEM', '-certfile', 'certificate', '-noverify']

test('OpenSSL verifies the signatures in the ways that EC2 documents, and refuses another document', async () => {
  await writeFiles(createSigner())
  expect(await openssl(...smime)).toBe(`0 ${document}`)
  expect(await openssl(...smime, '-content', 'document')).toMatch(/^0 /)
  expect(
    await openssl(
      'smime',
      '-verify',
      '-in',
      'pkcs7',
      '-inform',
      'PEM',
      ...['-CAfile', 'certificate'],
      ...['-certfile', 'certificate'],
    ),
  ).toMatch(/^0 /)
  await writeFile(
    join(directory, 'key.pub'),
    (await openssl('x509', '-pubkey', '-noout', '-in', 'certificate')).slice(2),
  )
  const digest = ['dgst', '-sha256', '-verify', 'key.pub', '-signature', 'signature', 'document']
  expect(await openssl(...digest)).toBe('0 Verified OK')
  await writeFile(join(directory, 'document'), document.replace('t3.micro', 't3.large'))
  expect(await openssl(...smime, '-content', 'document')).toMatch(/^[1-9]/)
  expect(await openssl(...digest)).toMatch(/^[1-9]/)
})

test('the key is made once, for its owner alone, and a lost certificate is made again from it', async () => {
  const [first, certificate] = [createSigner(), await createSigner().certificate()]
  expect(await first.certificate()).toBe(certificate)
  expect(((await stat(join(directory, 'key'))).mode & 0o777).toString(8)).toBe('600')
  await writeFiles(first)
  await unlink(join(directory, 'pem'))
  await writeFile(join(directory, 'certificate'), await createSigner().certificate())
  expect(await openssl(...smime)).toBe(`0 ${document}`)
})

test('a document is signed once', async () => {
  const signer = createSigner()
  expect(signer.sign(document)).toBe(signer.sign(document))
  expect(await signer.sign(document)).not.toEqual(await signer.sign(`${document} `))
})

test('a key that is damaged is an error, and stays as it is', async () => {
  await writeFile(join(directory, 'key'), 'x')
  const signer = createSigner()
  await expect(signer.sign(document)).rejects.toThrow()
  expect((await stat(join(directory, 'key'))).size).toBe(1)
})
