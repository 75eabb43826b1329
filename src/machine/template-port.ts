import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { IdentityWords } from '../ec2/ports/machine.ts'

/** The guest of a template, or of a clone, at the other end of a virtio-serial socket. The words are those of images/guest. */

/** What the guest of a template's source says when it waits to be frozen: `booted 1`. Rejects when the signal is aborted or the machine ends. */
export async function waitForReady(socketPath: string, signal: AbortSignal): Promise<string> {
  return await hear(socketPath, 'READY ', undefined, signal)
}

/** Tells a clone's guest who it is, and resolves when it has taken that on. Rejects with what the guest says to the contrary. */
export async function giveIdentity(socketPath: string, words: IdentityWords, signal: AbortSignal): Promise<void> {
  await hear(socketPath, 'UP', words, signal)
}

/** Says something and resolves with the rest of the line that begins as is waited for. */
async function hear(
  socketPath: string,
  wanted: string,
  words: IdentityWords | undefined,
  signal: AbortSignal,
): Promise<string> {
  const socket = connect(socketPath)
  const ended = once(socket, 'close', { signal }).then(() => {
    throw new Error('the machine ended before its guest had said what was waited for')
  })
  ended.catch(() => undefined)
  socket.on('error', () => socket.destroy())
  try {
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    // The interface repeats the socket's error.
    lines.on('error', () => undefined)
    const said = new Promise<string>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line === 'TIME' && words) socket.write(words.time())
        if (line.startsWith('ERROR ')) reject(new Error(`the guest says: ${printable(line.slice('ERROR '.length))}`))
        if (line.startsWith(wanted)) resolve(printable(line.slice(wanted.length)))
      })
    })
    if (words) socket.write(words.identity())
    return await Promise.race([said, ended])
  } finally {
    socket.destroy()
  }
}

/** What a guest says may be anything, and is shown to people. */
function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007E]/g, '?').slice(0, 200)
}
