import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { OperationError } from '../../api/contract.ts'
import { type SocksReply, SocksRefusal, shakeHands, socksReply, writeReply } from './handshake.ts'
import { relayDatagrams } from './udp-relay.ts'

/** The ways on. */
export interface SocksDialer {
  connect(host: string, port: number): Promise<Duplex>
  openDatagrams(): Promise<Duplex>
}

/** A SOCKS 5 proxy without authentication, not listening yet: it is for the loopback only. */
export function createSocksServer(dialer: SocksDialer, onProblem: (message: string) => void): Server {
  // Half-open, so that a client that has said all still hears the answer.
  return createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => client.destroy())
    serve(dialer, client).catch((error: unknown) => {
      const reply = replyOf(error)
      if (reply === undefined) client.destroy()
      else client.end(writeReply(reply))
      if (!(error instanceof SocksRefusal)) onProblem(error instanceof Error ? error.message : String(error))
    })
  })
}

async function serve(dialer: SocksDialer, client: Socket): Promise<void> {
  const request = await shakeHands(client)
  if (request.command === 'associate') return await relayDatagrams(client, await dialer.openDatagrams())
  const stream = await dialer.connect(request.host, request.port)
  client.write(writeReply(socksReply.succeeded))
  // Each direction ends by itself; that one breaks is no news for anybody.
  await Promise.all([pipeline(client, stream), pipeline(stream, client)]).catch(() => {
    client.destroy()
    stream.destroy()
  })
}

const replies: Readonly<Record<string, SocksReply>> = {
  NotInVpc: socksReply.notAllowed,
  UnknownHost: socksReply.hostUnreachable,
  HostUnreachable: socksReply.hostUnreachable,
  ConnectionRefused: socksReply.refused,
}

function replyOf(error: unknown): SocksReply | undefined {
  if (error instanceof SocksRefusal) return error.reply
  return (error instanceof OperationError ? replies[error.code] : undefined) ?? socksReply.failure
}
