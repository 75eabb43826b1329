import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Duplex } from 'node:stream'
import { createDatagramReader, writeDatagramFrame } from '../api/stream/datagram-frame.ts'

/** What may wait for a socket of the VPC, or for a name to be found: more is lost, as it may be with UDP. */
const maximumWaiting = 64

/**
 * Frames of src/api/stream/datagram-frame.ts, both ways, by a socket of the VPC's router; for IPv6 by a second one, which is opened with the
 * first datagram that needs it. `addressOf` finds the address of a host, or rejects: then the datagram is lost. Rejects as `bind` does.
 */
export async function openDatagrams(
  bind: (version: 4 | 6) => Promise<Socket>,
  addressOf: (host: string) => Promise<string>,
): Promise<Duplex> {
  const byIpv4 = await bind(4)
  let byIpv6: Promise<Socket> | undefined
  const read = createDatagramReader()
  let waiting = 0

  async function socketFor(address: string): Promise<Socket> {
    if (!isIPv6(address)) return byIpv4
    byIpv6 ??= bind(6).then(listenTo)
    return await byIpv6.catch((error: unknown) => {
      byIpv6 = undefined
      throw error
    })
  }

  async function send(host: string, port: number, data: Buffer): Promise<void> {
    if (waiting >= maximumWaiting || port === 0) return
    waiting++
    try {
      const address = await addressOf(host)
      const socket = stream.destroyed ? undefined : await socketFor(address)
      if (!stream.destroyed) socket?.send(data, port, address, () => undefined)
    } catch {
      // Lost, as it may be with UDP.
    } finally {
      waiting--
    }
  }

  const stream = new Duplex({
    read: () => undefined,
    write: (piece: Buffer, _encoding, done) => {
      try {
        for (const { host, port, data } of read(piece)) void send(host, port, data)
        done()
      } catch (error) {
        done(error instanceof Error ? error : new Error('unknown'))
      }
    },
    final: (done) => {
      stream.push(null)
      done()
    },
    destroy: (error, done) => {
      closeSockets()
      done(error)
    },
  })

  function closeSockets(): void {
    byIpv4.close()
    byIpv6?.then(
      (socket) => socket.close(),
      () => undefined,
    )
  }

  function listenTo(socket: Socket): Socket {
    socket.on('error', () => undefined)
    socket.on('message', (data, { address, port }) => {
      // Nobody reads: what a reader is too slow for is lost.
      if (stream.readableLength < stream.readableHighWaterMark * maximumWaiting && !stream.readableEnded) {
        stream.push(writeDatagramFrame({ host: address, port, data }))
      }
    })
    return socket
  }

  listenTo(byIpv4)
  return stream
}
