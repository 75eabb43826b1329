import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseReference } from '../../../src/ec2/registry/reference.ts'
import { layerPathOf } from '../../../src/ec2/volume/volume.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { job, mib, openRegistryBench, type RegistryBench, scope } from './registry-bench.ts'

let registry: DockerRegistry
beforeAll(async () => {
  registry = await startDockerRegistry()
})
afterAll(() => registry.close())

const referenceOf = (name: string) => parseReference(`${registry.host}/${name}`)
const push = async (bench: RegistryBench, imageId: string, name: string) =>
  (await bench.work.push(scope, { imageId, reference: referenceOf(name) }, job())).transfer
const pull = (bench: RegistryBench, name: string) => bench.work.pull(scope, { reference: referenceOf(name) }, job())
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: Error & { code?: string }) => error.code ?? error.message,
  )

test('a second image on the same base moves only what differs, there and back', async () => {
  const sender = await openRegistryBench()
  const base = await sender.makeImage('base', { randomMib: 8 })
  const child = await sender.makeImage('child', { randomMib: 2, over: base.id })
  const baseBytes = (await stat(layerPathOf(sender.paths, sender.layerOf(base.id)))).size
  const childBytes = (await stat(layerPathOf(sender.paths, sender.layerOf(child.id)))).size

  expect(await push(sender, base.id, 'one/base:1')).toMatchObject({ skippedBytes: 0 })
  // In another repository: the registry has the base's layer, which is mounted.
  const pushed = await push(sender, child.id, 'one/child:1')
  expect(pushed?.skippedBytes).toBe(baseBytes)
  expect(pushed?.movedBytes).toBeLessThan(1.1 * childBytes)
  // All is there: what is sent says so only.
  const again = await push(sender, child.id, 'one/child:2')
  expect(again).toMatchObject({ digest: pushed?.digest, skippedBytes: baseBytes + childBytes })
  expect(again?.movedBytes).toBeLessThan(4096)

  const receiver = await openRegistryBench()
  const pulledBase = await pull(receiver, 'one/base:1')
  const pulledChild = await pull(receiver, 'one/child:1')
  expect(pulledChild.transfer?.skippedBytes).toBe(baseBytes)
  expect(pulledChild.transfer?.movedBytes).toBeLessThan(1.1 * childBytes)
  for (const [own, theirs] of [
    [base.id, pulledBase.imageId],
    [child.id, pulledChild.imageId],
  ] as const) {
    expect(await receiver.contentOf(theirs ?? '')).toBe(await sender.contentOf(own))
  }
  const image = receiver.findImage(pulledChild.imageId)
  expect(image).toMatchObject({ name: 'child', rootDeviceName: '/dev/xvda', architecture: 'x86_64' })
  expect(receiver.store.tags.of(image.id)).toContainEqual({ key: 'role', value: 'web' })
  expect(receiver.store.tags.of(image.id)).toContainEqual({ key: 'kiln:login-user', value: 'ec2-user' })
  const path = layerPathOf(receiver.paths, receiver.layerOf(image.id))
  expect((await stat(path)).mode & 0o777).toBe(0o444)
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
  expect(receiver.store.layers.find(receiver.layerOf(image.id))?.sha256).toBe(sha256)

  // The same image has the same digest on every host, whatever its layers are called there.
  expect((await push(receiver, image.id, 'one/back:1'))?.skippedBytes).toBe(baseBytes + childBytes)
  expect(await pull(receiver, 'one/child:2')).toMatchObject({
    imageId: image.id,
    note: expect.stringMatching(/nothing was pulled/),
  })
})

test('no name of a file of this host leaves it', async () => {
  const bench = await openRegistryBench()
  const base = await bench.makeImage('base', { randomMib: 1 })
  const child = await bench.makeImage('child', { randomMib: 1, over: base.id })
  await push(bench, child.id, 'names/child:1')
  const layer = bench.store.layers.find(bench.layerOf(child.id))
  const blob = await readFile(registry.blobPath(layer?.blob?.digest ?? ''))
  expect(blob.includes(bench.paths.root)).toBe(false)
  expect((await readFile(layerPathOf(bench.paths, bench.layerOf(child.id)))).includes(bench.paths.root)).toBe(true)
})

test('a layer that is here already under another name is found by its bytes', async () => {
  const sender = await openRegistryBench()
  const base = await sender.makeImage('base', { randomMib: 2 })
  await push(sender, base.id, 'found/base:1')
  const receiver = await openRegistryBench()
  // As if it had been built here: the very file, and nothing known of registries.
  const own = await receiver.makeImage('own', { randomMib: 2 })
  await execa('cp', ['-f', layerPathOf(sender.paths, 'layer-base'), layerPathOf(receiver.paths, 'layer-own')])
  const pulled = await pull(receiver, 'found/base:1')
  expect(receiver.layerOf(pulled.imageId ?? '')).toBe(receiver.layerOf(own.id))
  expect(pulled.transfer?.movedBytes).toBeLessThan(4096)
})

test('bytes that rotted in the registry are refused, and nothing is left', async () => {
  const sender = await openRegistryBench()
  const base = await sender.makeImage('base', { randomMib: 2 })
  await push(sender, base.id, 'rotten/base:1')
  const path = registry.blobPath(sender.store.layers.find('layer-base')?.blob?.digest ?? '')
  const bytes = await readFile(path)
  bytes[mib] = (bytes[mib] ?? 0) ^ 1
  await writeFile(path, bytes)
  const receiver = await openRegistryBench()
  expect(await codeOf(pull(receiver, 'rotten/base:1'))).toBe('ChecksumMismatch')
  expect(await receiver.leftovers()).toEqual({ layers: [], records: 0, images: 0 })
})

test('a signature is demanded where the configuration says so', async () => {
  const trusted = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sender = await openRegistryBench()
  const file = async (name: string, content: string | Buffer) => {
    const path = join(sender.paths.root, name)
    await writeFile(path, content)
    return path
  }
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
  const publicKey = await file('trusted.pub', trusted.publicKey.export({ type: 'spki', format: 'pem' }))
  const trustedKey = { path: await file('trusted.key', trusted.privateKey.export(pkcs8)) }
  const otherKey = { path: await file('other.key', other.privateKey.export(pkcs8)) }
  const base = await sender.makeImage('base', { randomMib: 1 })
  const policy = { prefix: `${registry.host}/signed`, publicKeyFiles: [publicKey], isSignatureRequired: true }
  const receiver = await openRegistryBench({ policies: [policy] })

  await push(sender, base.id, 'signed/base:1')
  expect(await codeOf(pull(receiver, 'signed/base:1'))).toBe('ImageSignatureRequired')
  await sender.work.sign(referenceOf('signed/base:1'), otherKey, job().signal)
  await expect(pull(receiver, 'signed/base:1')).rejects.toMatchObject({
    code: 'ImageSignatureInvalid',
    message: expect.stringContaining(publicKey),
  })
  expect(await receiver.leftovers()).toEqual({ layers: [], records: 0, images: 0 })
  // The other's signature stays beside ours.
  await sender.work.push(
    scope,
    { imageId: base.id, reference: referenceOf('signed/base:1'), signingKey: trustedKey },
    job(),
  )
  expect(receiver.findImage((await pull(receiver, 'signed/base:1')).imageId).name).toBe('base')
  // Without a demand, nobody asks; with one of its own, a pull does.
  const free = await openRegistryBench()
  const demanding = { reference: referenceOf('signed/base:1'), publicKeyFile: publicKey }
  expect(await codeOf(free.work.pull(scope, demanding, job()))).toBe('done')
})

test('a push that is cancelled publishes nothing, and the next one goes on from there', async () => {
  const sender = await openRegistryBench()
  const base = await sender.makeImage('base', { randomMib: 40 })
  const request = { imageId: base.id, reference: referenceOf('broken/base:1') }
  const sizeBytes = (await stat(layerPathOf(sender.paths, 'layer-base'))).size
  // After the second of three pieces.
  const first = job(({ stage, doneBytes = 0 }) => {
    if (stage === 'Pushing' && doneBytes > 20 * mib) first.cancel()
  })
  await expect(sender.work.push(scope, request, first)).rejects.toThrow()
  const receiver = await openRegistryBench()
  expect(await codeOf(pull(receiver, 'broken/base:1'))).toBe('RegistryImageNotFound')
  const { transfer } = await sender.work.push(scope, request, job())
  expect(transfer?.movedBytes).toBeLessThan(sizeBytes - 10 * mib)
  expect(await codeOf(pull(receiver, 'broken/base:1'))).toBe('done')
})

test('asks for a login, keeps it for its owner alone, and forgets it', async () => {
  const closed = await startDockerRegistry({ login: { username: 'me', password: 'geheim' } })
  try {
    const bench = await openRegistryBench()
    const base = await bench.makeImage('base', { randomMib: 1 })
    const request = { imageId: base.id, reference: parseReference(`${closed.host}/mine:1`) }
    const login = (password: string) => bench.work.login(closed.host, { username: 'me', password }, job().signal)
    await expect(bench.work.push(scope, request, job())).rejects.toThrow(/log in first: kiln registry login/)
    expect(await codeOf(login('wrong'))).toBe('RegistryAccessDenied')
    await login('geheim')
    expect((await stat(bench.paths.registryLogins)).mode & 0o777).toBe(0o600)
    expect(await codeOf(bench.work.push(scope, request, job()))).toBe('done')
    expect(await bench.work.logout(closed.host)).toBe(true)
    expect(await bench.work.logout(closed.host)).toBe(false)
  } finally {
    await closed.close()
  }
})
