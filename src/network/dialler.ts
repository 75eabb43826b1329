import { connect, type Socket } from 'node:net'

/** A connection that is to be made. */
export interface Call {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly localAddress?: string
  readonly timeoutMs: number
}

/** Makes connections, each of which ends in `handOver` or `refuse`, or in `cancel`. */
export interface Dialler {
  dial(call: Call): void
  /**
   * Tries all that wait for an address once more: it answers from now on. TCP by itself asks again after one second, three, seven (RFC 6298),
   * and the first attempt still goes on.
   */
  dialAgain(host: string): void
  cancel(id: number): void
}

const refusedPauseMs = 20

interface Dialling {
  readonly host: string
  attempt(): void
  end(): void
}

/** What is handed over is paused: bytes that have arrived by then are for whoever gets the socket. */
export function createDialler({
  handOver,
  refuse,
}: {
  readonly handOver: (id: number, socket: Socket) => void
  readonly refuse: (id: number, error: NodeJS.ErrnoException) => void
}): Dialler {
  const dialling = new Map<number, Dialling>()

  function dial({ id, host, port, localAddress, timeoutMs }: Call): void {
    const sockets = new Set<Socket>()
    const end = () => {
      dialling.delete(id)
      for (const socket of sockets) socket.destroy()
    }
    const attemptAgain = () => {
      if (dialling.has(id)) attempt()
    }
    const attempt = () => {
      const socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
      sockets.add(socket)
      socket.pause()
      socket.setTimeout(timeoutMs, () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
      socket.once('error', (error: NodeJS.ErrnoException) => {
        sockets.delete(socket)
        if (!dialling.has(id)) return
        if (sockets.size > 0) {
          // Its guest is up, and what is to listen comes up: an earlier attempt would hear of that only when it asks again.
          if (error.code === 'ECONNREFUSED') setTimeout(attemptAgain, refusedPauseMs)
          return
        }
        end()
        refuse(id, error)
      })
      socket.once('connect', () => {
        sockets.delete(socket)
        if (!dialling.has(id)) return void socket.destroy()
        socket.setTimeout(0)
        end()
        handOver(id, socket)
      })
    }
    dialling.set(id, { host, attempt, end })
    attempt()
  }

  return {
    dial,
    dialAgain: (host) => {
      for (const one of dialling.values()) if (one.host === host) one.attempt()
    },
    cancel: (id) => dialling.get(id)?.end(),
  }
}
