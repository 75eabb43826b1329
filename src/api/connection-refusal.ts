import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { Ec2Error } from '../ec2/errors.ts'

/** An error as a front end words it. */
interface RefusalDocument {
  readonly type: string
  readonly requestId: string
  readonly body: string
}

/** For a server's `clientError`: Node has given up on the bytes of this connection before they became a request. */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  write: (refusal: Ec2Error) => RefusalDocument,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const refusal = refusalOf(error.code)
  const { type, requestId, body } = write(refusal)
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nconnection: close\r\n` +
      `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-amzn-requestid: ${requestId}\r\n\r\n${body}`,
  )
}

function refusalOf(code: string | undefined): Ec2Error {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Ec2Error('RequestTimeout', 'The request was not complete within the time limit', 408)
    case 'HPE_HEADER_OVERFLOW':
      return new Ec2Error('RequestHeadersTooLarge', 'The headers of the request are too large', 431)
    default:
      return new Ec2Error('InvalidRequest', 'The request is not valid HTTP')
  }
}
