import { once } from 'node:events'
import { createServer, isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { dialInstance } from '../dial-instance.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { requireRunning, resolveInstance } from '../resolve/instance.ts'
import { openUdpTunnel } from '../udp-tunnel.ts'
import { clientOf, note, say, type Session } from '../session.ts'

interface Forward {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  /** 0: one that is free. */
  readonly localPort: number
  readonly port: number
}

/** `kiln tunnel` */
export function defineTunnel(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id, name or IPv6 address; an address is where the connections lead')
    .argument(
      '<forward...>',
      'PORT, LOCAL:PORT or ADDRESS:LOCAL:PORT, with /udp behind it for UDP; LOCAL 0 takes a free port',
      collectForward,
    )
    .option('--endpoint <id>', 'go through an EC2 Instance Connect Endpoint (TCP)')
    .action(async (name: string, forwards: Forward[], { endpoint }: { endpoint?: string }) => {
      if (endpoint !== undefined && forwards.some(({ protocol }) => protocol === 'udp')) {
        throw new CliError('An EC2 Instance Connect Endpoint carries no UDP.', { exitCode: exitCode.usage })
      }
      const client = clientOf(session)
      const {
        InstanceId = '',
        VpcId = '',
        PrivateIpAddress = '',
      } = requireRunning(await resolveInstance(client, name), name)
      const dial = async (port: number) =>
        isIPv6(name)
          ? await client.dialVpc(endpoint ?? VpcId, name, port)
          : await dialInstance(client, InstanceId, port, endpoint)
      const udpHost = isIPv6(name) ? name : PrivateIpAddress
      const sockets = new Set<Socket>()
      const closers: (() => void)[] = []
      try {
        for (const forward of forwards) {
          const { protocol, address, localPort, port } = forward
          const listening =
            protocol === 'tcp'
              ? listen(session, dial, forward, sockets)
              : openUdpTunnel(forward, { host: udpHost, port, open: () => client.openDatagrams(VpcId) })
          const { boundPort, close } = await listening.catch((error: NodeJS.ErrnoException) => {
            throw new CliError(`${address}:${localPort} cannot be listened on (${error.code}).`, {
              hint: 'Give another port before the colon; 0 takes a free one.',
            })
          })
          closers.push(close)
          say(session, `${address}:${boundPort} -> ${InstanceId}:${port}${protocol === 'udp' ? '/udp' : ''}`)
        }
        if (!session.signal.aborted) await once(session.signal, 'abort')
      } finally {
        for (const close of closers) close()
        for (const socket of sockets) socket.destroy()
      }
    })
  addExamples(
    command,
    'kiln tunnel web 8080:80          # http://127.0.0.1:8080 is port 80 of web, until Ctrl-C',
    'kiln tunnel db 5432 127.0.0.2:6379:6379',
    'kiln tunnel dns 5300:53/udp 5300:53',
  )
}

/** Needs neither a public address nor a free low port: each connection goes through the daemon's socket. */
async function listen(
  session: Session,
  dial: (port: number) => Promise<Duplex>,
  { address, localPort, port }: Forward,
  sockets: Set<Socket>,
): Promise<{ boundPort: number; close: () => void }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    carry(dial, port, socket).catch((error: unknown) => {
      socket.destroy()
      if (!session.signal.aborted) note(session, error instanceof Error ? error.message : String(error))
    })
  })
  server.listen(localPort, address)
  await once(server, 'listening')
  const bound = server.address()
  const boundPort = bound !== null && typeof bound === 'object' ? bound.port : localPort
  return { boundPort, close: () => void server.close() }
}

async function carry(dial: (port: number) => Promise<Duplex>, port: number, socket: Socket): Promise<void> {
  const stream = await dial(port)
  await Promise.all([pipeline(socket, stream), pipeline(stream, socket)]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET') throw error
  })
}

function collectForward(text: string, earlier: Forward[] | undefined): Forward[] {
  const [, plain = '', protocol] = /^(.*?)(?:\/(tcp|udp))?$/.exec(text) ?? []
  const parts = plain.split(':')
  const [port = '', localPort = port, address = '127.0.0.1'] = parts.reverse()
  const isFine = parts.length <= 3 && isPort(port, 1) && isPort(localPort, 0) && address !== ''
  if (!isFine)
    throw new InvalidArgumentError('Expected PORT, LOCAL:PORT or ADDRESS:LOCAL:PORT, and /udp behind it for UDP.')
  const forward = { address, localPort: Number(localPort), port: Number(port) }
  return [...(earlier ?? []), { protocol: protocol === 'udp' ? 'udp' : 'tcp', ...forward }]
}

function isPort(text: string, minimum: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= minimum && Number(text) <= 65_535
}
