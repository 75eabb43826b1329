import type { Socket } from 'node:net'

/** Messages of a DNS connection: each has its length before it (RFC 1035, 4.2.2), which bounds what is held. */
export function splitTcpMessages(socket: Socket, onMessage: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data])
    while (pending.length >= 2) {
      const end = 2 + pending.readUInt16BE(0)
      if (pending.length < end) return
      const message = pending.subarray(2, end)
      pending = pending.subarray(end)
      onMessage(message)
    }
  })
}

/** Sends a message the same way. */
export function writeTcpMessage(socket: Socket, message: Buffer): void {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  socket.write(Buffer.concat([length, message]))
}
