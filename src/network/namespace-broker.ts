import type { ChildProcess } from 'node:child_process'
import { Server, Socket } from 'node:net'
import { ownProgramArguments } from '../host/installation.ts'
import type { ProcessHost } from '../host/process.ts'

/** The daemon's arm into a namespace that it is not in. */
export interface NamespaceBroker {
  /** A TCP server listening in the namespace. */
  listen(host: string, port: number): Promise<Server>
  /** A socket connected from the namespace; rejects with an Error whose `code` is connect(2)'s. */
  dial(host: string, port: number, signal: AbortSignal): Promise<Socket>
  close(): void
}

interface Pending {
  resolve(handle: unknown): void
  reject(error: Error): void
}

/** Longer than any caller's patience: callers bring their own signal. */
const dialTimeoutMs = 120_000

/** `enter` is the argv prefix that runs a program inside the namespace. The helper starts with the first request. */
export function createNamespaceBroker(processes: ProcessHost, enter: readonly string[]): NamespaceBroker {
  const pending = new Map<number, Pending>()
  let helper: ChildProcess | undefined
  let nextId = 1

  function ensureHelper(): ChildProcess {
    if (helper?.connected) return helper
    const [program = '', ...rest] = [...enter, process.execPath, ...ownProgramArguments('network/namespace-helper')]
    const started = processes.startHelper({ argv: [program, ...rest] })
    helper = started
    started.on('message', (message: { id: number; error?: string }, handle: unknown) => {
      const request = pending.get(message.id)
      pending.delete(message.id)
      if (message.error !== undefined) request?.reject(Object.assign(new Error(message.error), { code: message.error }))
      else if (request) request.resolve(handle)
      else if (handle instanceof Socket) handle.destroy()
    })
    const fail = () => {
      if (helper === started) helper = undefined
      for (const request of pending.values()) request.reject(new Error('the namespace helper ended'))
      pending.clear()
    }
    started.on('exit', fail)
    started.on('error', fail)
    // The daemon may end without waiting for it: it goes by itself when the channel closes.
    started.unref()
    started.channel?.unref()
    return started
  }

  async function ask(request: Record<string, unknown>, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted()
    const id = nextId++
    return await new Promise((resolve, reject) => {
      const onAbort = () => {
        pending.delete(id)
        if (helper?.connected) helper.send({ id, kind: 'cancel' })
        reject(new Error('aborted'))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const settle = <T>(next: (value: T) => void) => {
        return (value: T) => {
          signal?.removeEventListener('abort', onAbort)
          next(value)
        }
      }
      pending.set(id, { resolve: settle(resolve), reject: settle(reject) })
      ensureHelper().send({ id, ...request }, (error) => {
        if (!error) return
        pending.delete(id)
        reject(error)
      })
    })
  }

  return {
    listen: async (host, port) => {
      const server = await ask({ kind: 'listen', host, port })
      if (!(server instanceof Server)) throw new Error('the namespace helper handed over no server')
      return server
    },
    dial: async (host, port, signal) => {
      const socket = await ask({ kind: 'dial', host, port, timeoutMs: dialTimeoutMs }, signal)
      if (!(socket instanceof Socket)) throw new Error('the namespace helper handed over no socket')
      // A peer that has said all may still listen.
      socket.allowHalfOpen = true
      return socket
    },
    close: () => {
      if (helper?.connected) helper.disconnect()
      helper = undefined
    },
  }
}
