import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { KilnClient } from '../client.ts'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { requireRunning, resolveInstance } from '../resolve/instance.ts'
import { clientOf, note, say, type Session } from '../session.ts'

interface Forward {
  readonly address: string
  /** 0: one that is free. */
  readonly localPort: number
  readonly port: number
}

/** `kiln tunnel` */
export function defineTunnel(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .argument('<forward...>', 'PORT, LOCAL:PORT or ADDRESS:LOCAL:PORT; LOCAL 0 takes a free port', collectForward)
    .action(async (name: string, forwards: Forward[]) => {
      const client = clientOf(session)
      const { InstanceId = '' } = requireRunning(await resolveInstance(client, name), name)
      const sockets = new Set<Socket>()
      const servers: Server[] = []
      try {
        for (const forward of forwards) servers.push(await listen(session, client, InstanceId, forward, sockets))
        if (!session.signal.aborted) await once(session.signal, 'abort')
      } finally {
        for (const server of servers) server.close()
        for (const socket of sockets) socket.destroy()
      }
    })
  addExamples(
    command,
    'kiln tunnel web 8080:80          # http://127.0.0.1:8080 is port 80 of web, until Ctrl-C',
    'kiln tunnel db 5432 127.0.0.2:6379:6379',
  )
}

/** Needs neither a public address nor a free low port: each connection goes through the daemon's socket. */
async function listen(
  session: Session,
  client: KilnClient,
  instanceId: string,
  { address, localPort, port }: Forward,
  sockets: Set<Socket>,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    carry(client, instanceId, port, socket).catch((error: unknown) => {
      socket.destroy()
      if (!session.signal.aborted) note(session, error instanceof Error ? error.message : String(error))
    })
  })
  server.listen(localPort, address)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`${address}:${localPort} cannot be listened on (${error.code}).`, {
      hint: 'Give another port before the colon; 0 takes a free one.',
    })
  })
  const bound = server.address()
  const boundPort = bound !== null && typeof bound === 'object' ? bound.port : localPort
  say(session, `${address}:${boundPort} -> ${instanceId}:${port}`)
  return server
}

async function carry(client: KilnClient, instanceId: string, port: number, socket: Socket): Promise<void> {
  const stream = await client.dial(instanceId, port)
  await Promise.all([pipeline(socket, stream), pipeline(stream, socket)]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET') throw error
  })
}

function collectForward(text: string, earlier: Forward[] | undefined): Forward[] {
  const parts = text.split(':')
  const [port = '', localPort = port, address = '127.0.0.1'] = parts.reverse()
  const isFine = parts.length <= 3 && isPort(port, 1) && isPort(localPort, 0) && address !== ''
  if (!isFine) throw new InvalidArgumentError('Expected PORT, LOCAL:PORT or ADDRESS:LOCAL:PORT.')
  return [...(earlier ?? []), { address, localPort: Number(localPort), port: Number(port) }]
}

function isPort(text: string, minimum: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= minimum && Number(text) <= 65_535
}
