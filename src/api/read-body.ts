import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../ec2/errors.ts'

/** The client went away, or was too slow, before its request was complete: there is nobody to answer. */
export class RequestAbandoned extends Error {
  override readonly name = 'RequestAbandoned'
}

/**
 * Reads a body of at most that many bytes. Rejects with RequestEntityTooLarge (413) as soon as it is known to be larger, or with
 * RequestAbandoned. What is left of a refused body is read and thrown away by Node while the answer is on its way: clients that are
 * still sending would lose the answer to a connection that is cut, and the request's time limit ends those that never stop.
 */
export async function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes) {
    request.resume()
    throw tooLarge(maximumBytes)
  }
  return await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maximumBytes) chunks.push(chunk)
      else {
        chunks.length = 0
        reject(tooLarge(maximumBytes))
      }
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', (cause) => reject(new RequestAbandoned('the request ended early', { cause })))
    request.on('close', () => reject(new RequestAbandoned('the request ended early')))
  })
}

function tooLarge(maximumBytes: number): Ec2Error {
  return new Ec2Error('RequestEntityTooLarge', `The request is larger than the limit of ${maximumBytes} bytes`, 413)
}
