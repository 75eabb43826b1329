import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface UnreliableServer {
  readonly url: string
  /** The `Range` header of each request so far; undefined where it had none. */
  readonly ranges: (string | undefined)[]
}

/** Answers the nth request by the nth of `answers`, later ones by the last. */
export async function startUnreliableServer(
  answers: ((request: IncomingMessage, response: ServerResponse) => void)[],
): Promise<UnreliableServer> {
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(ranges.length, answers.length - 1)]
    ranges.push(request.headers.range)
    answer?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.qcow2`, ranges }
}

/** A whole answer, or the range that was asked for when If-Range agrees with `etag`. */
export function serve(content: Buffer, etag: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const start = rangeStart(request)
    if (start === undefined || request.headers['if-range'] !== etag) {
      response.writeHead(200, { etag, 'content-length': content.length }).end(content)
      return
    }
    if (start >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
      return
    }
    response
      .writeHead(206, {
        etag,
        'content-length': content.length - start,
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      })
      .end(content.subarray(start))
  }
}

/** Promises what `serve` does and hangs up after `bytes` of the body. */
export function breakOffAfter(bytes: number, content: Buffer, etag: string) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const start = rangeStart(request) ?? 0
    const range = `bytes ${start}-${content.length - 1}/${content.length}`
    response.writeHead(start > 0 ? 206 : 200, {
      etag,
      'content-length': content.length - start,
      ...(start > 0 ? { 'content-range': range } : {}),
    })
    response.write(content.subarray(start, start + bytes), () => {
      // Time for the client to take what is in the socket: a reset would throw it away.
      setTimeout(() => response.destroy(), 50)
    })
  }
}

export function rangeStart(request: IncomingMessage): number | undefined {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
  return start === undefined ? undefined : Number(start)
}
