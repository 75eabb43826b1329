import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type AddressedDatagram, createDatagramReader, writeDatagramFrame } from '../../api/stream/datagram-frame.ts'
import { addressLengthOf, readHost, socksAddressType, socksReply, writeAddress, writeReply } from './handshake.ts'

const loopback = '127.0.0.1'

/**
 * UDP ASSOCIATE (RFC 1928, section 7): a UDP socket on the loopback for as long as the client's connection stands. Fragments are
 * dropped, as the RFC allows.
 */
export async function relayDatagrams(client: Socket, stream: Duplex): Promise<void> {
  const relay = createSocket('udp4')
  relay.bind(0, loopback)
  await once(relay, 'listening')
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    relay.close()
    stream.destroy()
    client.destroy()
  }
  for (const end of [client, stream]) end.on('error', close).on('close', close)
  client.on('end', close)
  client.resume()
  carry(relay, stream, close)
  client.write(writeReply(socksReply.succeeded, loopback, relay.address().port))
}

function carry(relay: DatagramSocket, stream: Duplex, close: () => void): void {
  /** The port that the client sends from: nobody else's datagrams are taken. */
  let clientPort: number | undefined
  const read = createDatagramReader()
  relay.on('error', close)
  relay.on('message', (data, { port }) => {
    // Nobody is there, and Node throws an error at whoever sends there.
    if (port === 0) return
    clientPort ??= port
    if (port !== clientPort) return
    const datagram = readRequest(data)
    if (datagram) stream.write(writeDatagramFrame(datagram))
  })
  stream.on('data', (piece: Buffer) => {
    if (clientPort === undefined) return
    for (const { host, port, data } of read(piece)) {
      relay.send(Buffer.concat([Buffer.from([0, 0, 0]), writeAddress(host, port), data]), clientPort, loopback)
    }
  })
}

/** RSV RSV FRAG ATYP ADDRESS PORT DATA; undefined for what is fragmented, or no such thing. Pure. */
export function readRequest(packet: Buffer): AddressedDatagram | undefined {
  const [, , fragment, type = 0, nameLength] = packet
  const isName = type === socksAddressType.name
  const start = isName ? 5 : 4
  const length = isName ? nameLength : addressLengthOf(type)
  if (fragment !== 0 || length === undefined || packet.length < start + length + 2) return undefined
  const end = start + length
  const host = readHost(type, packet.subarray(start, end))
  return { host, port: packet.readUInt16BE(end), data: packet.subarray(end + 2) }
}
