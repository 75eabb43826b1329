import type { IncomingMessage } from 'node:http'
import { Ec2Error } from '../../ec2/errors.ts'

/** The client went away, or was too slow, before its request was complete: there is nobody to answer. */
export class RequestAbandoned extends Error {
  override readonly name = 'RequestAbandoned'
}

/** Reads a body of at most that many bytes. Rejects with RequestEntityTooLarge (413) or RequestAbandoned. */
export async function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes) throw tooLarge(maximumBytes)
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > maximumBytes) throw tooLarge(maximumBytes)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof Ec2Error) throw error
    throw new RequestAbandoned('the request ended early', { cause: error })
  }
  return Buffer.concat(chunks)
}

function tooLarge(maximumBytes: number): Ec2Error {
  return new Ec2Error('RequestEntityTooLarge', `The request is larger than the limit of ${maximumBytes} bytes`, 413)
}
