import { execFile } from 'node:child_process'
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { createServer, isIPv6 } from 'node:net'
import { systemClock } from '../host/clock.ts'
import { type Call, createDialler } from './dialler.ts'
import { serveTime, timePort } from './time/time-server.ts'

/**
 * Runs inside a VPC's namespace for as long as the daemon's IPC channel is open: opens sockets there and hands them over. The
 * daemon keeps the sockets; this process carries no byte of theirs. Two it keeps: the relay's, and those of the time service.
 */
type Request =
  | { readonly id: number; readonly kind: 'listen'; readonly host: string; readonly port: number }
  | ({ readonly kind: 'dial' } & Call)
  /** An address answers that others may be waiting for. */
  | { readonly id: number; readonly kind: 'dial-again'; readonly host: string }
  | { readonly id: number; readonly kind: 'udp'; readonly host: string; readonly port: number }
  | { readonly id: number; readonly kind: 'relay'; readonly port: number }
  /** What the daemon says to somebody at the relay's port. */
  | {
      readonly id: number
      readonly kind: 'answer'
      readonly address: string
      readonly port: number
      readonly data: string
    }
  | { readonly id: number; readonly kind: 'time'; readonly host: string }
  | { readonly id: number; readonly kind: 'resolve'; readonly name: string; readonly server: string }
  | {
      readonly id: number
      readonly kind: 'run'
      readonly argv: readonly [string, ...string[]]
      readonly input: string
      readonly timeoutMs: number
    }
  /** Nobody waits for that dial any more. */
  | { readonly id: number; readonly kind: 'cancel' }

/** In bytes. */
const longestOutput = 1024 ** 2

const dialler = createDialler({
  handOver: (id, socket) => process.send?.({ id }, socket, {}, () => undefined),
  refuse,
})
let relay: DatagramSocket | undefined

process.on('message', (request: Request) => {
  if (request.kind === 'listen') listen(request)
  else if (request.kind === 'dial') dialler.dial(request)
  else if (request.kind === 'dial-again') dialler.dialAgain(request.host)
  else if (request.kind === 'udp') bindUdp(request)
  else if (request.kind === 'relay') openRelay(request)
  else if (request.kind === 'time') tellTime(request)
  else if (request.kind === 'answer') {
    relay?.send(Buffer.from(request.data, 'base64'), request.port, request.address, () => undefined)
  } else if (request.kind === 'resolve') void resolve(request)
  else if (request.kind === 'run') run(request)
  else dialler.cancel(request.id)
})
process.on('disconnect', () => process.exit(0))
// The daemon was killed while an answer was on its way.
process.on('error', () => process.exit(0))
// It was gone before this program had begun to listen, or while sockets waited to be handed over: then Node tells of no disconnection
// (20.20, a channel that closes with handles in its queue).
const connectionCheckMs = 2000
const exitUnlessConnected = () => {
  if (!process.connected) process.exit(0)
}
exitUnlessConnected()
setInterval(exitUnlessConnected, connectionCheckMs).unref()

function refuse(id: number, error: NodeJS.ErrnoException): void {
  process.send?.({ id, error: error.code ?? error.message })
}

function listen({ id, host, port }: Extract<Request, { kind: 'listen' }>): void {
  // Whoever comes before the hand-over is turned away and comes again: nobody here would answer.
  const server = createServer((socket) => socket.resetAndDestroy())
  server.once('error', (error) => refuse(id, error))
  server.listen(port, host, () => {
    process.send?.({ id }, server, {}, () => server.close())
  })
}

function bindUdp({ id, host, port }: Extract<Request, { kind: 'udp' }>): void {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: isIPv6(host) })
  socket.once('error', (error) => refuse(id, error))
  // The daemon has a copy of its own then.
  socket.bind({ address: host, port }, () => process.send?.({ id }, socket, {}, () => socket.close()))
}

/** Datagrams from link-local addresses: whose device that is only this namespace knows, so they cannot be the daemon's own to read. */
function openRelay({ id, port }: Extract<Request, { kind: 'relay' }>): void {
  const socket = createSocket({ type: 'udp6', ipv6Only: true })
  socket.once('error', (error) => refuse(id, error))
  socket.on('message', (data, { address, port }) => {
    process.send?.({ relayed: { address, port, data: data.toString('base64') } })
  })
  socket.bind(port, () => {
    relay = socket
    process.send?.({ id })
  })
}

/** Not by ProcessHost: what this process does not load, it need not copy for each program, nor wait for when it starts. */
function run({ id, argv: [file, ...args], input, timeoutMs }: Extract<Request, { kind: 'run' }>): void {
  const child = execFile(file, args, { timeout: timeoutMs, maxBuffer: longestOutput }, (error, stdout, stderr) => {
    const exitCode = error ? error.code : 0
    process.send?.({
      id,
      end: { ...(typeof exitCode === 'number' ? { exitCode } : {}), stdout, stderr: stderr || (error?.message ?? '') },
    })
  })
  // One that ends before it has read all says why.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
}

/** The daemon is busy at times, and would tell a time that has passed (docs/adr/the-helper-tells-the-time.md). */
function tellTime({ id, host }: Extract<Request, { kind: 'time' }>): void {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: isIPv6(host) })
  socket.on('error', (error) => refuse(id, error))
  socket.bind({ address: host, port: timePort }, () => {
    serveTime(socket, systemClock)
    process.send?.({ id })
  })
}

async function resolve({ id, name, server }: Extract<Request, { kind: 'resolve' }>): Promise<void> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([server])
  try {
    const addresses = await resolver.resolve4(name).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENODATA') throw error
      return await resolver.resolve6(name)
    })
    process.send?.({ id, addresses })
  } catch (error) {
    refuse(id, error as NodeJS.ErrnoException)
  }
}
