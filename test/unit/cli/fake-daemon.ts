import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { statePathsOf } from '../../../src/host/state-paths.ts'

/** A call that the fake daemon has got. */
export interface SeenCall {
  operation: string
  input: Record<string, unknown>
  region: string | undefined
}

/** A server on the socket of a state directory of its own, answering from a table; streams echo what they get. */
export async function startFakeDaemon(answers: Record<string, (input: Record<string, unknown>) => unknown>) {
  const root = await mkdtemp(join(tmpdir(), 'kiln-cli-'))
  const paths = statePathsOf(root)
  const calls: SeenCall[] = []
  const streams = new Set<Duplex>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const operation = (request.url ?? '').replace('/operations/', '')
      const input = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>
      calls.push({ operation, input, region: request.headers['x-kiln-region'] as string | undefined })
      const answer = answers[operation]
      response.statusCode = answer ? 200 : 400
      response.end(
        JSON.stringify(
          answer ? answer(input) : { Code: 'InvalidThing.NotFound', Message: 'No such thing', RequestId: 'r' },
        ),
      )
    })
  })
  server.on('upgrade', (request, socket: Duplex) => {
    streams.add(socket)
    if (request.url?.endsWith('/9')) {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 32\r\n\r\n{"Code":"Refused","Message":"x"}')
      return
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: kiln-stream\r\n\r\nhello ')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(paths.socket, resolve))
  return {
    paths,
    calls,
    async close() {
      for (const stream of streams) stream.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(root, { recursive: true, force: true })
    },
  }
}
