import { connect, createServer, type Socket } from 'node:net'

/**
 * Runs inside a VPC's namespace for as long as the daemon's IPC channel is open: opens sockets there and hands them over. The
 * daemon keeps the sockets; this process carries no byte of theirs.
 */
type Request =
  | { readonly id: number; readonly kind: 'listen'; readonly host: string; readonly port: number }
  | {
      readonly id: number
      readonly kind: 'dial'
      readonly host: string
      readonly port: number
      readonly timeoutMs: number
    }
  /** Nobody waits for that dial any more. */
  | { readonly id: number; readonly kind: 'cancel' }

const dialling = new Map<number, Socket>()

process.on('message', (request: Request) => {
  if (request.kind === 'listen') listen(request)
  else if (request.kind === 'dial') dial(request)
  else dialling.get(request.id)?.destroy()
})
process.on('disconnect', () => process.exit(0))
// The daemon was killed while an answer was on its way.
process.on('error', () => process.exit(0))

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

function dial({ id, host, port, timeoutMs }: Extract<Request, { kind: 'dial' }>): void {
  // Paused: bytes that arrive before the hand-over belong to the daemon.
  const socket = connect({ host, port, noDelay: true })
  dialling.set(id, socket)
  socket.pause()
  socket.setTimeout(timeoutMs, () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
  socket.once('error', (error) => refuse(id, error))
  socket.once('close', () => dialling.delete(id))
  socket.once('connect', () => {
    socket.setTimeout(0)
    dialling.delete(id)
    process.send?.({ id }, socket, {}, () => undefined)
  })
}
