import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { Ec2Error } from '../../ec2/errors.ts'
import type { ObjectDescription } from '../../ec2/ports/object-store.ts'
import { type Bucket, noSuchKey, objectChanged } from './bucket.ts'
import type { BucketSettings } from './bucket-settings.ts'
import type { BucketCredentials } from './credentials-file.ts'

/** S3 takes at most ten thousand parts of at least 5 MiB ("Amazon S3 multipart upload limits"). */
const parts = { leastBytes: 8 * 1024 ** 2, most: 9000 }
const uploadsAtOnce = 2
const maximumKeyBytes = 1024
/** A store that cannot be reached, or falls silent for so long, has gone. */
const timeouts = { connectionTimeout: 10_000, socketTimeout: 60_000 }

/** A bucket of an S3-compatible store. The module is loaded when the first one is used: it is the larger part of a daemon's start. */
export function createS3Bucket(
  name: string,
  settings: BucketSettings,
  credentials: () => Promise<BucketCredentials>,
): Bucket {
  const Bucket = settings.bucket ?? name
  // The SDK would write about later versions of its own into the daemon's log; docs/adr/buckets-are-configured.md says which ones are taken.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
  const client = new S3Client({
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    region: settings.region ?? 'us-east-1',
    forcePathStyle: settings.pathStyle ?? true,
    // Given, always: else the SDK would look for some in the environment, and ask the host's own cloud for them. As they say that they
    // have expired, they are asked for anew each time.
    credentials: async () => {
      const { sessionToken, ...keys } = await credentials()
      return { ...keys, ...(sessionToken === undefined ? {} : { sessionToken }), expiration: new Date(0) }
    },
    requestHandler: timeouts,
    // Stores other than Amazon's own often know no other checksums than those they must.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })

  async function removeInterruptedPut(key: string): Promise<void> {
    const { Uploads: uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: key }))
    for (const { Key: found, UploadId } of uploads) {
      if (found === key) await client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId }))
    }
  }

  /** Runs a call of the store, and tells its refusals as ours. */
  async function ask<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw explain(key, error)
    }
  }

  function explain(key: string, error: unknown): unknown {
    if (error instanceof Ec2Error || (error instanceof Error && error.name === 'AbortError')) return error
    if (!(error instanceof S3ServiceException)) return error
    const status = error.$metadata.httpStatusCode
    if (error.name === 'NoSuchBucket') {
      return new Ec2Error('NoSuchBucket', `${settings.endpoint} has no bucket ${Bucket}.`, 404)
    }
    if (error.name === 'NoSuchKey' || error.name === 'NotFound' || status === 404) return noSuchKey(name, key)
    if (status === 412) return objectChanged(name, key)
    const told = `${settings.endpoint} refuses the bucket ${Bucket}: ${error.name}: ${error.message}`
    if (status === 401 || status === 403) return new Ec2Error('AccessDenied', told, 403)
    // What a later try may bring is no Ec2Error yet.
    return status !== undefined && status >= 500 ? error : new Ec2Error('ObjectStoreFailed', told)
  }

  return {
    requirePlace: (key) => {
      if (key !== '' && Buffer.byteLength(key) <= maximumKeyBytes && !key.includes('\0')) return
      throw new Ec2Error('InvalidKey', `A key has 1 to ${maximumKeyBytes} bytes.`)
    },
    put: async (key, { stream, sizeBytes, tags = {} }, work) => {
      const pairs = new URLSearchParams(tags).toString()
      const upload = new Upload({
        client,
        params: { Bucket, Key: key, Body: stream, ...(pairs === '' ? {} : { Tagging: pairs }) },
        partSize: Math.max(parts.leastBytes, Math.ceil(sizeBytes / parts.most)),
        queueSize: uploadsAtOnce,
      })
      upload.on('httpUploadProgress', ({ loaded = 0 }) =>
        work.onProgress({ stage: 'Storing', doneBytes: Math.min(loaded, sizeBytes), totalBytes: sizeBytes }),
      )
      const stop = () => {
        stream.destroy()
        void upload.abort()
      }
      work.signal.addEventListener('abort', stop, { once: true })
      try {
        work.signal.throwIfAborted()
        await upload.done()
      } catch (error) {
        stream.destroy()
        // Parts cost money where they lie until somebody deletes them.
        await removeInterruptedPut(key).catch(() => undefined)
        work.signal.throwIfAborted()
        throw explain(key, error)
      } finally {
        work.signal.removeEventListener('abort', stop)
      }
    },
    read: (key, { offset, version, signal }) =>
      ask(key, async () => {
        const command = new GetObjectCommand({
          Bucket,
          Key: key,
          ...(offset > 0 ? { Range: `bytes=${offset}-` } : {}),
          ...(version === undefined ? {} : { IfMatch: version }),
        })
        const answer = await client.send(command, signal ? { abortSignal: signal } : {})
        const { Body: stream, ContentLength: rest = 0, ETag: etag = '', ContentRange: range } = answer
        if (!(stream instanceof Readable)) throw new Ec2Error('ObjectStoreFailed', `${settings.endpoint} sent nothing.`)
        const sizeBytes = range === undefined ? rest : Number(range.slice(range.lastIndexOf('/') + 1))
        if (offset > 0 && range === undefined) {
          stream.destroy()
          throw new Ec2Error(
            'ObjectStoreFailed',
            `${settings.endpoint} sent another part of ${key} than was asked for.`,
          )
        }
        return { stream, sizeBytes, version: etag }
      }),
    head: (key, signal) =>
      ask(key, async () => {
        const found = await client.send(
          new HeadObjectCommand({ Bucket, Key: key }),
          signal ? { abortSignal: signal } : {},
        )
        return { key, sizeBytes: found.ContentLength ?? 0, modifiedAt: found.LastModified ?? new Date(0) }
      }).catch((error: unknown) => {
        if (error instanceof Ec2Error && error.code === 'NoSuchKey') return undefined
        throw error
      }),
    list: (prefix) =>
      ask(prefix, async () => {
        const found: ObjectDescription[] = []
        for await (const { Contents: objects = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix: prefix })) {
          for (const { Key: key = '', Size: sizeBytes = 0, LastModified: modifiedAt = new Date(0) } of objects) {
            found.push({ key, sizeBytes, modifiedAt })
          }
        }
        return found
      }),
    remove: (key) =>
      ask(key, async () => {
        await client.send(new DeleteObjectCommand({ Bucket, Key: key }))
      }),
    removeInterruptedPut: (key) => ask(key, () => removeInterruptedPut(key)),
  }
}
