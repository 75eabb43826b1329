import { createHash, createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignatureV4 } from '@smithy/signature-v4'

/** An S3-compatible store on 127.0.0.1 with one bucket in memory, as strict as Amazon's where a client could go wrong. */
export interface S3Server {
  readonly endpoint: string
  readonly objects: Map<string, StoredObject>
  /** Of multipart uploads that were begun and neither completed nor aborted. */
  readonly uploads: Map<string, { key: string; parts: Map<number, Buffer>; tagging: string }>
  /** Requests so far: method, path with query, range. */
  readonly requests: { method: string; url: string; range: string | undefined }[]
  /** The next answer with an object breaks off after so many bytes. */
  breakOffAfter(bytes: number): void
  /** Lets requests wait, before they are looked at, until the result is called. */
  hold(): () => void
  close(): void
}

export interface StoredObject {
  readonly content: Buffer
  readonly tagging: string
}

export const s3Keys = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'no secret at all' }
const bucket = 'there'
/** What S3 calls the least size of a part that is not the last. */
const leastPartBytes = 5 * 1024 ** 2
/** Small, so that listings have several pages. */
const pageLength = 2

/** An answer that is an error. */
class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/** Makes an S3-compatible store; it verifies the signature of each request with Amazon's own implementation of Signature Version 4. */
export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, StoredObject>()
  const uploads: S3Server['uploads'] = new Map()
  const requests: S3Server['requests'] = []
  const planned: number[] = []
  let held = Promise.resolve()

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      answer(request, Buffer.concat(chunks), response).catch((error: unknown) => {
        const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError')
        response.writeHead(refusal.status, { 'content-type': 'application/xml' })
        response.end(
          request.method === 'HEAD'
            ? ''
            : `<Error><Code>${refusal.code}</Code><Message>${refusal.code}</Message></Error>`,
        )
      })
    })
  })

  async function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    requests.push({ method, url, range: request.headers.range })
    await held
    const address = new URL(url, 'http://127.0.0.1')
    await verify(request, address, body)
    const [, name, ...rest] = address.pathname.split('/').map(decodeURIComponent)
    if (name !== bucket) throw new Refusal(404, 'NoSuchBucket')
    const key = rest.join('/')
    const query = address.searchParams
    if (key === '') return answerBucket(method, query, response)
    if (method === 'POST' && query.has('uploads')) {
      const id = randomUUID()
      uploads.set(id, { key, parts: new Map(), tagging: headerOf(request, 'x-amz-tagging') })
      return sendXml(
        response,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const uploadId = query.get('uploadId')
    if (uploadId !== null) return answerUpload(method, key, uploadId, query, body, response)
    const object = objects.get(key)
    switch (method) {
      case 'PUT':
        objects.set(key, { content: body, tagging: headerOf(request, 'x-amz-tagging') })
        response.writeHead(200, { etag: etagOf(body) }).end()
        return
      case 'DELETE':
        objects.delete(key)
        response.writeHead(204).end()
        return
      case 'GET':
      case 'HEAD':
        if (!object) throw new Refusal(404, 'NoSuchKey')
        return sendObject(request, object, response)
      default:
        throw new Refusal(405, 'MethodNotAllowed')
    }
  }

  function answerBucket(method: string, query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? ''
    if (method === 'GET' && query.has('uploads')) {
      const found = [...uploads].filter(([, upload]) => upload.key.startsWith(prefix))
      const told = found.map(([id, upload]) => `<Upload><Key>${upload.key}</Key><UploadId>${id}</UploadId></Upload>`)
      return sendXml(response, `<ListMultipartUploadsResult>${told.join('')}</ListMultipartUploadsResult>`)
    }
    if (method !== 'GET' || query.get('list-type') !== '2') throw new Refusal(501, 'NotImplemented')
    const after = query.get('continuation-token') ?? ''
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = keys.slice(0, pageLength)
    const contents = page.map(
      (key) =>
        `<Contents><Key>${key}</Key><Size>${objects.get(key)?.content.length}</Size><LastModified>2026-11-25T01:02:03.000Z</LastModified></Contents>`,
    )
    const isTruncated = keys.length > page.length
    const token = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    sendXml(
      response,
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`,
    )
  }

  function answerUpload(
    method: string,
    key: string,
    id: string,
    query: URLSearchParams,
    body: Buffer,
    response: ServerResponse,
  ): void {
    const upload = uploads.get(id)
    if (upload?.key !== key) throw new Refusal(404, 'NoSuchUpload')
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      response.writeHead(200, { etag: etagOf(body) }).end()
    } else if (method === 'DELETE') {
      uploads.delete(id)
      response.writeHead(204).end()
    } else {
      const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) =>
        Number(number),
      )
      const parts = wanted.map((number) => upload.parts.get(number))
      if (parts.length === 0 || parts.some((part) => part === undefined)) throw new Refusal(400, 'InvalidPart')
      if (parts.slice(0, -1).some((part) => (part?.length ?? 0) < leastPartBytes))
        throw new Refusal(400, 'EntityTooSmall')
      objects.set(key, { content: Buffer.concat(parts as Buffer[]), tagging: upload.tagging })
      uploads.delete(id)
      sendXml(response, `<CompleteMultipartUploadResult><ETag>&quot;x&quot;</ETag></CompleteMultipartUploadResult>`)
    }
  }

  function sendObject(request: IncomingMessage, { content }: StoredObject, response: ServerResponse): void {
    const etag = etagOf(content)
    const wanted = request.headers['if-match']
    if (wanted !== undefined && wanted !== etag) throw new Refusal(412, 'PreconditionFailed')
    const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
    const start = Number(first ?? 0)
    const headers = { etag, 'content-length': content.length - start, 'last-modified': 'Wed, 25 Nov 2026 01:02:03 GMT' }
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
    response.writeHead(first === undefined ? 200 : 206, first === undefined ? headers : { ...headers, ...range })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const limit = planned.shift()
    if (limit === undefined) response.end(content.subarray(start))
    // Time for the client to take what is in the socket: a reset would throw it away.
    else response.write(content.subarray(start, start + limit), () => setTimeout(() => response.destroy(), 50))
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    uploads,
    requests,
    breakOffAfter: (bytes) => planned.push(bytes),
    hold: () => {
      let release = () => {}
      held = new Promise((resolve) => {
        release = resolve
      })
      return () => release()
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Signs the request again with what its own signature says it covers. */
async function verify(request: IncomingMessage, address: URL, body: Buffer): Promise<void> {
  const credential =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/
  const [, accessKeyId, region = '', signedHeaders = '', signature] =
    credential.exec(headerOf(request, 'authorization')) ?? []
  if (accessKeyId !== s3Keys.accessKeyId) throw new Refusal(403, 'InvalidAccessKeyId')
  const digest = headerOf(request, 'x-amz-content-sha256')
  if (digest !== 'UNSIGNED-PAYLOAD' && digest !== createHash('sha256').update(body).digest('hex')) {
    throw new Refusal(400, 'XAmzContentSHA256Mismatch')
  }
  const names = signedHeaders.split(';')
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: s3Keys,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  })
  const date = headerOf(request, 'x-amz-date')
  const signed = await signer.sign(
    {
      method: request.method ?? '',
      protocol: 'http:',
      hostname: address.hostname,
      path: address.pathname,
      query: Object.fromEntries(address.searchParams),
      headers: Object.fromEntries(names.map((name) => [name, headerOf(request, name)])),
    },
    {
      signingDate: new Date(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')),
      signableHeaders: new Set(names),
      unsignableHeaders: new Set(),
    },
  )
  if (!signed.headers['authorization']?.endsWith(`Signature=${signature}`))
    throw new Refusal(403, 'SignatureDoesNotMatch')
}

/** As the signer wants its digests made. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', toBytes(secret))
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBytes(data))
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {
    throw new Error('not needed')
  }
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data)
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '')
}

function etagOf(content: Buffer): string {
  return `"${createHash('md5').update(content).digest('hex')}"`
}

function sendXml(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${text}`)
}
