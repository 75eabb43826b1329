import { connect, createServer } from 'node:net'

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

process.on('message', (request: Request) => {
  if (request.kind === 'listen') listen(request)
  else dial(request)
})
process.on('disconnect', () => process.exit(0))
// The daemon was killed while an answer was on its way.
process.on('error', () => process.exit(0))

function refuse(id: number, error: NodeJS.ErrnoException): void {
  process.send?.({ id, error: error.code ?? error.message })
}

function listen({ id, host, port }: Extract<Request, { kind: 'listen' }>): void {
  const server = createServer()
  server.once('error', (error) => refuse(id, error))
  server.listen(port, host, () => {
    process.send?.({ id }, server, {}, () => server.close())
  })
}

function dial({ id, host, port, timeoutMs }: Extract<Request, { kind: 'dial' }>): void {
  // Paused: bytes that arrive before the hand-over belong to the daemon.
  const socket = connect({ host, port, noDelay: true })
  socket.pause()
  socket.setTimeout(timeoutMs, () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
  socket.once('error', (error) => refuse(id, error))
  socket.once('connect', () => {
    socket.setTimeout(0)
    process.send?.({ id }, socket, {}, () => undefined)
  })
}
