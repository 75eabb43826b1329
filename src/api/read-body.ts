import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../ec2/errors.ts'

/** The client went away, or was too slow, before its request was complete: there is nobody to answer. */
export class RequestAbandoned extends Error {
  override readonly name = 'RequestAbandoned'
}

/** How long a client that sends too much must be silent before it is taken to be waiting for its answer. */
const silenceMs = 100

/**
 * Reads a body of at most that many bytes. Rejects with RequestEntityTooLarge (413) or RequestAbandoned. What is too much is read and
 * thrown away first: a connection that is cut while the client still sends takes the answer with it. The server's time limit for
 * requests ends those that never stop.
 */
export async function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer> {
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let silence: NodeJS.Timeout | undefined
    const refuse = () => reject(tooLarge(maximumBytes))
    const refuseWhenSilent = () => {
      clearTimeout(silence)
      silence = setTimeout(refuse, silenceMs)
    }
    if (Number(request.headers['content-length'] ?? 0) > maximumBytes) refuseWhenSilent()
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maximumBytes && silence === undefined) {
        chunks.push(chunk)
        return
      }
      chunks.length = 0
      refuseWhenSilent()
    })
    request.on('end', () => {
      clearTimeout(silence)
      if (silence === undefined) resolve(Buffer.concat(chunks))
      else refuse()
    })
    for (const event of ['error', 'close']) {
      request.on(event, (cause?: unknown) => {
        clearTimeout(silence)
        reject(new RequestAbandoned('the request ended early', { cause }))
      })
    }
  })
}

function tooLarge(maximumBytes: number): Ec2Error {
  return new Ec2Error('RequestEntityTooLarge', `The request is larger than the limit of ${maximumBytes} bytes`, 413)
}
