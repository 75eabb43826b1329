import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * Whether the QEMU guest agent behind a virtio-serial socket answers guest-sync within `timeoutMs`. Never rejects. The socket
 * takes a connection whether or not there is an agent, and old requests may still be answered: the sync id tells them apart.
 */
export async function pingGuestAgent(path: string, timeoutMs: number): Promise<boolean> {
  const id = Math.trunc(performance.now() * 1000)
  return await new Promise<boolean>((resolve) => {
    const socket = connect(path)
    const finish = (answer: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), timeoutMs)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => socket.write(`${JSON.stringify({ execute: 'guest-sync', arguments: { id } })}\n`))
    const lines = createInterface({ input: socket })
    // The interface repeats the socket's error.
    lines.on('error', () => finish(false))
    lines.on('line', (line) => {
      if (line.includes(`"return": ${id}`) || line.includes(`"return":${id}`)) finish(true)
    })
  })
}
