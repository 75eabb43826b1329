import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Ec2Error } from '../../ec2/errors.ts'
import { outOfSpace } from '../../ec2/out-of-space.ts'
import type { WorkOptions } from '../../ec2/ports/work.ts'
import type { ObjectPlace, ObjectStore } from '../../ec2/ports/object-store.ts'
import type { Clock } from '../../host/clock.ts'
import { isOutOfSpace } from '../../host/out-of-space.ts'
import { defaultReservedBytes, requireSpace } from '../disk-space.ts'
import { invalid } from '../invalid-image.ts'
import { type Bucket, objectChanged } from './bucket.ts'
import type { BucketSettings } from './bucket-settings.ts'
import { countBytes } from './count-bytes.ts'
import { readBucketCredentials } from './credentials-file.ts'
import { createDirectoryBucket } from './directory-bucket.ts'

export interface ObjectStoreDependencies {
  readonly clock: Clock
  readonly buckets: Readonly<Record<string, BucketSettings>>
  /** Who may use buckets that name no accounts. */
  readonly accountId: string
  /** `bucket-credentials.yaml` of the state directory. */
  readonly credentialsPath: string
  /** Bytes that what is fetched leaves free; 256 MiB when absent. */
  readonly reservedBytes?: number
}

/** Tries in a row that bring nothing before it is given up. */
const attempts = 5
const firstPauseMs = 500

/** The buckets of the configuration. */
export function createObjectStore(dependencies: ObjectStoreDependencies): ObjectStore {
  const { clock, buckets, accountId: ownerId, credentialsPath, reservedBytes = defaultReservedBytes } = dependencies
  const opened = new Map<string, Promise<Bucket>>()

  function requireSettings(name: string): BucketSettings {
    const settings = Object.hasOwn(buckets, name) ? buckets[name] : undefined
    if (settings) return settings
    throw new Ec2Error('NoSuchBucket', `There is no bucket ${name}: it is set under buckets in config.yaml.`, 404)
  }

  function open(name: string): Promise<Bucket> {
    const settings = requireSettings(name)
    const present = opened.get(name)
    if (present) return present
    const opening = openBucket(name, settings)
    opened.set(name, opening)
    return opening
  }

  async function openBucket(name: string, settings: BucketSettings): Promise<Bucket> {
    if (settings.directory !== undefined) return createDirectoryBucket(name, settings.directory)
    const { createS3Bucket } = await import('./s3-bucket.ts')
    return createS3Bucket(name, settings, () => readBucketCredentials(credentialsPath, name))
  }

  /** Says what a store that cannot be reached at all is to a user. */
  async function withBucket<T>(name: string, use: (bucket: Bucket) => Promise<T>): Promise<T> {
    try {
      return await use(await open(name))
    } catch (error) {
      if (error instanceof Ec2Error || (error instanceof Error && error.name === 'AbortError')) throw error
      throw new Ec2Error('ObjectStoreFailed', `The bucket ${name} cannot be used: ${reasonOf(error)}`)
    }
  }

  async function fetch(
    { bucket: name, key }: ObjectPlace,
    { path, maximumBytes }: { path: string; maximumBytes: number },
    work: WorkOptions,
  ): Promise<void> {
    const bucket = await open(name)
    let doneBytes = 0
    let version: string | undefined
    for (let attempt = 1; ; attempt++) {
      const before = doneBytes
      try {
        const reading = await bucket.read(key, { offset: doneBytes, version, signal: work.signal })
        const { sizeBytes: totalBytes } = reading
        if (version === undefined) {
          if (totalBytes > maximumBytes) {
            reading.stream.destroy()
            throw invalid(`the object ${key} has ${totalBytes} bytes; at most ${maximumBytes} are allowed`)
          }
          const request = { path: dirname(path), neededBytes: totalBytes, reservedBytes }
          await requireSpace('what is fetched', request).catch((error: unknown) => {
            reading.stream.destroy()
            throw error
          })
        }
        version = reading.version
        const target = createWriteStream(path, { mode: 0o600, flags: before === 0 ? 'w' : 'r+', start: before })
        const count = countBytes(({ doneBytes: passed }) => {
          if (before + passed > totalBytes) throw objectChanged(name, key)
          work.onProgress({ stage: 'Fetching', doneBytes: before + passed, totalBytes })
        })
        await pipeline(reading.stream, count, target, { signal: work.signal })
        doneBytes = (await stat(path)).size
        if (doneBytes === totalBytes) return
        throw new Error('the store broke off')
      } catch (error) {
        work.signal.throwIfAborted()
        if (isOutOfSpace(error)) throw outOfSpace(`fetching ${key} from the bucket ${name}`, dirname(path))
        if (error instanceof Ec2Error) throw error
        // What has come is in the file, as far as it was written.
        doneBytes = await stat(path).then(
          ({ size }) => size,
          () => 0,
        )
        if (doneBytes > before) attempt = 0
        if (attempt === attempts) throw error
        await clock.sleep(firstPauseMs * 2 ** Math.max(0, attempt - 1), work.signal)
      }
    }
  }

  return {
    isOffered: (bucket, accountId) =>
      Object.hasOwn(buckets, bucket) && (buckets[bucket]?.accounts ?? [ownerId]).includes(accountId),
    requirePlace: ({ bucket, key }, content) => {
      const { directory } = requireSettings(bucket)
      // The rules of a store are the store's; those of a directory are known without looking.
      if (directory !== undefined) createDirectoryBucket(bucket, directory).requirePlace(key, content)
    },
    put: (place, content, work) => withBucket(place.bucket, (bucket) => bucket.put(place.key, content, work)),
    fetch: (place, file, work) =>
      withBucket(place.bucket, async () => {
        try {
          await fetch(place, file, work)
        } catch (error) {
          await rm(file.path, { force: true })
          throw error
        }
      }),
    readStart: (place, bytes) =>
      withBucket(place.bucket, async (bucket) => {
        const { stream } = await bucket.read(place.key, { offset: 0 })
        const chunks: Buffer[] = []
        let length = 0
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          chunks.push(chunk)
          length += chunk.length
          // Leaving the loop destroys the stream.
          if (length >= bytes) break
        }
        return Buffer.concat(chunks).subarray(0, bytes)
      }),
    head: (place, signal) => withBucket(place.bucket, (bucket) => bucket.head(place.key, signal)),
    list: (name, prefix) => withBucket(name, (bucket) => bucket.list(prefix)),
    remove: (place) => withBucket(place.bucket, (bucket) => bucket.remove(place.key)),
    removeInterruptedPut: (place) => withBucket(place.bucket, (bucket) => bucket.removeInterruptedPut(place.key)),
  }
}

/** Of the errors of a connection the innermost says what is the matter. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}
