import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fsExtra from 'fs-extra'
import { stringify } from 'yaml'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createObjectStore } from '../../../src/disk/bucket/object-store.ts'
import type { ObjectStore } from '../../../src/ec2/ports/object-store.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { s3Keys, type S3Server, startS3Server } from '../../object-store/s3-server.ts'
import { mib, quietWork } from './disk-lab.ts'

const accountId = '123456789012'

interface BucketLab {
  readonly store: ObjectStore
  /** What lies in the bucket's directory, or with the store: objects, and uploads that were not completed. */
  readonly files: () => Promise<string[]>
  readonly path: (name: string) => string
}

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-bucket-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function openDirectoryLab(): Promise<BucketLab> {
  const directory = await makeDirectory()
  const objects = join(directory, 'objects')
  await mkdir(objects)
  const store = createObjectStore({
    clock: systemClock,
    buckets: { backups: { directory: objects } },
    accountId,
    credentialsPath: '',
    reservedBytes: 0,
  })
  return { store, path: (name) => join(directory, name), files: () => listFiles(objects) }
}

async function openS3Lab(keys = s3Keys): Promise<BucketLab & { server: S3Server }> {
  const directory = await makeDirectory()
  const credentialsPath = join(directory, 'credentials.yaml')
  await writeFile(credentialsPath, stringify({ backups: keys }), { mode: 0o600 })
  const server = await startS3Server()
  onTestFinished(() => server.close())
  const store = createObjectStore({
    clock: { ...systemClock, sleep: async () => undefined },
    buckets: { backups: { endpoint: server.endpoint, bucket: 'there' } },
    accountId,
    credentialsPath,
    reservedBytes: 0,
  })
  const files = async () => [...server.objects.keys(), ...server.uploads.keys()]
  return { store, path: (name) => join(directory, name), files, server }
}

async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

const place = (key: string) => ({ bucket: 'backups', key })
const content = (bytes: Buffer) => ({ stream: Readable.from(bytes), sizeBytes: bytes.length })

describe.each([
  ['a directory', openDirectoryLab],
  ['an S3-compatible store', async (): Promise<BucketLab> => await openS3Lab()],
])('%s', (_what, openLab) => {
  test('keeps objects, tells of them, gives them back and lets them go', async () => {
    const { store, path } = await openLab()
    // More than two parts of an upload.
    const large = randomBytes(20 * mib)
    const work = quietWork()
    await store.put(place('images/large.bin'), content(large), work)
    await store.put(place('small'), content(Buffer.from('first')), work)
    await store.put(place('small'), content(Buffer.from('second')), work)
    expect(work.told.filter(({ totalBytes }) => totalBytes === large.length).at(-1)).toEqual({
      stage: 'Storing',
      doneBytes: large.length,
      totalBytes: large.length,
    })
    expect(await store.head(place('small'))).toMatchObject({ key: 'small', sizeBytes: 6 })
    expect(await store.head(place('images'))).toBeUndefined()
    expect((await store.list('backups', '')).map(({ key }) => key)).toEqual(['images/large.bin', 'small'])
    expect(await store.list('backups', 'images/')).toMatchObject([{ key: 'images/large.bin', sizeBytes: large.length }])
    expect((await store.readStart(place('images/large.bin'), 1000)).equals(large.subarray(0, 1000))).toBe(true)
    expect((await store.readStart(place('small'), 1000)).toString()).toBe('second')
    await store.fetch(place('images/large.bin'), { path: path('fetched'), maximumBytes: large.length }, work)
    expect((await readFile(path('fetched'))).equals(large)).toBe(true)
    for (const key of ['images/large.bin', 'small', 'never']) await store.remove(place(key))
    expect(await store.list('backups', '')).toEqual([])
  })

  test('refuses what is not there, and what is too large', async () => {
    const { store, path } = await openLab()
    await store.put(place('object'), content(Buffer.alloc(100)), quietWork())
    const fetch = (key: string, maximumBytes = 100) =>
      store.fetch(place(key), { path: path('fetched'), maximumBytes }, quietWork())
    await expect(fetch('another')).rejects.toMatchObject({ code: 'NoSuchKey' })
    await expect(fetch('object', 99)).rejects.toMatchObject({ code: 'InvalidDiskImage' })
    expect(await fsExtra.pathExists(path('fetched'))).toBe(false)
    await expect(store.head({ bucket: 'others', key: 'object' })).rejects.toMatchObject({ code: 'NoSuchBucket' })
    expect(store.isOffered('backups', accountId)).toBe(true)
    expect(store.isOffered('backups', '210987654321')).toBe(false)
    expect(store.isOffered('others', accountId)).toBe(false)
  })

  test('a put that is cancelled or fails leaves nothing', async () => {
    const { store, files } = await openLab()
    const before = await files()
    const controller = new AbortController()
    const slow = async function* () {
      yield randomBytes(9 * mib)
      controller.abort()
      yield randomBytes(9 * mib)
    }
    const cancelled = { stream: Readable.from(slow()), sizeBytes: 18 * mib }
    const work = { ...quietWork(), signal: controller.signal }
    await expect(store.put(place('deep/er/object'), cancelled, work)).rejects.toThrow(/abort/i)
    const broken = async function* () {
      yield randomBytes(9 * mib)
      throw new Error('the source broke')
    }
    const failing = { stream: Readable.from(broken()), sizeBytes: 18 * mib }
    await expect(store.put(place('object'), failing, quietWork())).rejects.toThrow()
    expect(await store.list('backups', '')).toEqual([])
    expect(await files()).toEqual(before)
  })
})

describe('a directory', () => {
  const { signal } = new AbortController()

  test.each([
    '',
    '/etc/passwd',
    '../outside',
    'a/../../outside',
    'a//b',
    './a',
    '.hidden',
    'a/.kiln',
    'nul\0',
    'x'.repeat(300),
  ])('has no key %j', async (key) => {
    const { store, files, path } = await openDirectoryLab()
    await writeFile(path('outside'), 'secret')
    const refused = { code: 'InvalidKey' }
    expect(() => store.requirePlace(place(key))).toThrow(expect.objectContaining(refused))
    await expect(store.put(place(key), content(Buffer.from('x')), quietWork())).rejects.toMatchObject(refused)
    await expect(store.fetch(place(key), { path: path('f'), maximumBytes: 10 }, quietWork())).rejects.toMatchObject(
      refused,
    )
    await expect(store.remove(place(key))).rejects.toMatchObject(refused)
    expect(await files()).toEqual([])
    expect(await readFile(path('outside'), 'utf8')).toBe('secret')
  })

  test('does not follow links out of it', async () => {
    const { store, path } = await openDirectoryLab()
    await mkdir(path('elsewhere'))
    await writeFile(path('elsewhere/secret'), 'secret')
    await symlink(path('elsewhere'), path('objects/way'))
    await symlink(path('elsewhere/secret'), path('objects/file'))
    for (const key of ['way/secret', 'file']) {
      const fetched = store.fetch(place(key), { path: path('f'), maximumBytes: 10 }, quietWork())
      await expect(fetched).rejects.toMatchObject({ code: 'AccessDenied' })
      await expect(store.remove(place(key))).rejects.toMatchObject({ code: 'AccessDenied' })
    }
    const put = (key: string) => store.put(place(key), content(Buffer.from('new')), quietWork())
    await expect(put('way/secret')).rejects.toMatchObject({ code: 'AccessDenied' })
    await put('file')
    expect(await readFile(path('elsewhere/secret'), 'utf8')).toBe('secret')
    expect(await readFile(path('objects/file'), 'utf8')).toBe('new')
    expect(await store.list('backups', '')).toMatchObject([{ key: 'file' }])
  })

  test('lets go of what a killed put left, and keeps no tags', async () => {
    const { store, files, path } = await openDirectoryLab()
    await mkdir(path('objects/deep'))
    await writeFile(path('objects/deep/.object.kiln-part'), '')
    await store.removeInterruptedPut(place('deep/object'))
    await store.removeInterruptedPut(place('never/object'))
    expect(await files()).toEqual([])
    expect(await readdir(path('objects'))).toEqual([])
    expect(() => store.requirePlace(place('object'), { tags: { of: 'team' } })).toThrow(/keeps no tags/)
  })

  test('that is not there is told', async () => {
    const { store, path } = await openDirectoryLab()
    await rm(path('objects'), { recursive: true })
    const put = store.put(place('object'), content(Buffer.from('x')), { ...quietWork(), signal })
    await expect(put).rejects.toMatchObject({
      code: 'NoSuchBucket',
      message: expect.stringContaining('does not exist'),
    })
  })
})

describe('an S3-compatible store', () => {
  test('refuses a wrong key and another bucket, with its own words', async () => {
    const { store } = await openS3Lab({ ...s3Keys, secretAccessKey: 'wrong' })
    await expect(store.list('backups', '')).rejects.toMatchObject({
      code: 'AccessDenied',
      message: expect.stringContaining('SignatureDoesNotMatch'),
    })
  })

  test('keeps the tags of an object', async () => {
    const { store, server } = await openS3Lab()
    for (const [key, length] of [
      ['small', 10],
      ['large', 9 * mib],
    ] as const) {
      await store.put(place(key), { ...content(randomBytes(length)), tags: { of: 'the team', at: '1&2' } }, quietWork())
      expect(Object.fromEntries(new URLSearchParams(server.objects.get(key)?.tagging))).toEqual({
        of: 'the team',
        at: '1&2',
      })
    }
  })

  test('wants a file of keys that nobody else can read, and reads it anew', async () => {
    const { store, path } = await openS3Lab()
    await chmod(path('credentials.yaml'), 0o644)
    const told = async () =>
      await store.list('backups', '').then(
        () => 'done',
        (error: Error) => error.message,
      )
    expect(await told()).toMatch(/can be read by others: chmod 600 it/)
    await rm(path('credentials.yaml'))
    expect(await told()).toMatch(/There is no file .* with the keys of the bucket backups/)
    await writeFile(path('credentials.yaml'), 'other: { accessKeyId: a, secretAccessKey: b }', { mode: 0o600 })
    expect(await told()).toMatch(/has no keys of the bucket backups/)
    await writeFile(path('credentials.yaml'), stringify({ backups: s3Keys }))
    expect(await told()).toBe('done')
    await writeFile(path('credentials.yaml'), stringify({ backups: { ...s3Keys, secretAccessKey: 'wrong' } }))
    expect(await told()).toMatch(/SignatureDoesNotMatch/)
  })

  test('that cannot be reached is told', async () => {
    const { store, server } = await openS3Lab()
    server.close()
    await expect(store.list('backups', '')).rejects.toMatchObject({
      code: 'ObjectStoreFailed',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('lets go of the parts that a killed put left, and of no others', async () => {
    const { store, server } = await openS3Lab()
    for (const key of ['object', 'object-2']) {
      server.uploads.set(key, { key, parts: new Map(), tagging: '' })
    }
    await store.removeInterruptedPut(place('object'))
    expect([...server.uploads.keys()]).toEqual(['object-2'])
  })

  test('is read on from where it broke off, as long as the object is the same', async () => {
    const { store, server, path } = await openS3Lab()
    const bytes = randomBytes(300_000)
    server.objects.set('object', { content: bytes, tagging: '' })
    const fetch = (work = quietWork()) =>
      store.fetch(place('object'), { path: path('fetched'), maximumBytes: mib }, work)
    server.breakOffAfter(100_000)
    server.breakOffAfter(100_000)
    await fetch()
    expect((await readFile(path('fetched'))).equals(bytes)).toBe(true)
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])

    server.breakOffAfter(100_000)
    const change = () => server.objects.set('object', { content: randomBytes(300_000), tagging: '' })
    await expect(fetch({ ...quietWork(), onProgress: change })).rejects.toMatchObject({
      code: 'ObjectStoreFailed',
      message: expect.stringContaining('was replaced while it was read'),
    })
    expect(await fsExtra.pathExists(path('fetched'))).toBe(false)
  })
})
