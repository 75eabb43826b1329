import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { createDatagramReader, writeDatagramFrame } from '../api/stream/datagram-frame.ts'

/** Clients come and go without a word: one that says nothing for so long has gone. */
const idleMs = 180_000
const checkMs = 5000
/** Each has a stream of its own to the daemon; when there are more, the one that is silent longest goes. */
const maximumClients = 256

interface Client {
  readonly stream: Promise<Duplex>
  lastMs: number
}

/** Carries UDP from a port of this host to one in a VPC, and the answers back. Rejects when it cannot listen. */
export async function openUdpTunnel(
  local: { readonly address: string; readonly localPort: number },
  target: { readonly host: string; readonly port: number; readonly open: () => Promise<Duplex> },
): Promise<{ boundPort: number; close: () => void }> {
  /** By address and port, the one that spoke last at the end. */
  const clients = new Map<string, Client>()
  const socket = createSocket('udp4')
  socket.bind(local.localPort, local.address)
  await once(socket, 'listening')
  socket.on('error', () => undefined)
  socket.on('message', (data, { address, port }) => {
    const key = `${address}:${port}`
    const client = clients.get(key) ?? { stream: begin(key, address, port), lastMs: 0 }
    client.lastMs = performance.now()
    clients.delete(key)
    clients.set(key, client)
    if (clients.size > maximumClients) forget(clients.keys().next().value ?? '')
    const frame = writeDatagramFrame({ host: target.host, port: target.port, data })
    client.stream.then(
      (stream) => stream.write(frame),
      () => clients.delete(key),
    )
  })
  const check = setInterval(() => {
    for (const [key, { lastMs }] of clients) if (performance.now() - lastMs > idleMs) forget(key)
  }, checkMs)

  async function begin(key: string, address: string, port: number): Promise<Duplex> {
    const stream = await target.open()
    const read = createDatagramReader()
    stream.on('data', (piece: Buffer) => {
      for (const { data } of read(piece)) socket.send(data, port, address, () => undefined)
    })
    stream.on('error', () => stream.destroy())
    stream.on('close', () => clients.delete(key))
    return stream
  }

  function forget(key: string): void {
    const client = clients.get(key)
    clients.delete(key)
    client?.stream.then(
      (stream) => stream.destroy(),
      () => undefined,
    )
  }

  return {
    boundPort: socket.address().port,
    close: () => {
      clearInterval(check)
      for (const key of [...clients.keys()]) forget(key)
      socket.close()
    },
  }
}
