import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** A session with the QEMU guest agent that answered (QEMU documentation, "QEMU Guest Agent Protocol Reference"). */
export interface GuestAgent {
  /** Rejects when the agent refuses, or does not answer in time. */
  execute(command: string, timeoutMs: number, args?: Record<string, unknown>): Promise<unknown>
  close(): void
}

/**
 * Opens a session with the agent behind a virtio-serial socket; undefined when it does not answer guest-sync within `timeoutMs`. Never
 * rejects. The socket takes a connection whether or not there is an agent, and old requests may still be answered: the sync id tells them
 * apart.
 */
export async function openGuestAgent(path: string, timeoutMs: number): Promise<GuestAgent | undefined> {
  const id = Math.trunc(performance.now() * 1000)
  const socket = connect(path)
  let onAnswer: (answer: Record<string, unknown> | undefined) => void = () => undefined
  const lines = createInterface({ input: socket })
  // The interface repeats the socket's error.
  lines.on('error', () => onAnswer(undefined))
  lines.on('line', (line) => {
    const answer = parseAnswer(line)
    if (answer) onAnswer(answer)
  })
  socket.on('error', () => onAnswer(undefined))
  socket.on('close', () => onAnswer(undefined))

  async function ask(
    request: object,
    limitMs: number,
    isWanted: (answer: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown> | undefined> {
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), limitMs)
      onAnswer = (answer) => {
        if (answer && !isWanted(answer)) return
        clearTimeout(timer)
        resolve(answer)
      }
      if (!socket.destroyed) socket.write(`${JSON.stringify(request)}\n`)
      else onAnswer(undefined)
    })
  }

  const synced = await ask({ execute: 'guest-sync', arguments: { id } }, timeoutMs, (answer) => answer['return'] === id)
  if (!synced) {
    socket.destroy()
    return undefined
  }
  return {
    execute: async (command, limitMs, args) => {
      const answer = await ask({ execute: command, ...(args ? { arguments: args } : {}) }, limitMs, () => true)
      if (!answer) throw new Error(`the guest agent did not answer ${command} within ${limitMs} ms`)
      const error = answer['error'] as { desc?: string } | undefined
      if (error) throw new Error(`the guest agent refused ${command}: ${error.desc ?? 'no description'}`)
      return answer['return']
    },
    close: () => socket.destroy(),
  }
}

/** Whether a guest agent answers within `timeoutMs`. Never rejects. */
export async function pingGuestAgent(path: string, timeoutMs: number): Promise<boolean> {
  const agent = await openGuestAgent(path, timeoutMs)
  agent?.close()
  return agent !== undefined
}

/** Sets the guest's clock; answers whether it was done. Never rejects. */
export async function setGuestClock(path: string, now: () => Date): Promise<boolean> {
  const agent = await openGuestAgent(path, patienceMs)
  try {
    // In nanoseconds, which are more than a number of JavaScript holds to the last: a millisecond is enough.
    await agent?.execute('guest-set-time', patienceMs, { time: now().getTime() * nanosecondsPerMs })
    return agent !== undefined
  } catch {
    return false
  } finally {
    agent?.close()
  }
}

/** A guest that has just gone on may have much to do. */
const patienceMs = 10_000
const nanosecondsPerMs = 1e6

/** A line that is no JSON object is the guest's noise. */
function parseAnswer(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
