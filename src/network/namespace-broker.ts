import type { ChildProcess } from 'node:child_process'
import { Socket as DatagramSocket } from 'node:dgram'
import { Server, Socket } from 'node:net'
import { ownProgramArguments } from '../host/installation.ts'
import type { ProcessHost } from '../host/process.ts'
import { dnsAddress } from './resolver-address.ts'

/** The daemon's arm into a namespace that it is not in. */
export interface NamespaceBroker {
  /** A TCP server listening in the namespace. */
  listen(host: string, port: number): Promise<Server>
  /** A socket connected from the namespace, from that address of it if one is given; rejects with an Error whose `code` is connect(2)'s. */
  dial(host: string, port: number, signal: AbortSignal, localAddress?: string): Promise<Socket>
  /** Tries whatever dials that address once more, at once: it answers now. */
  dialAgain(host: string): void
  /** A UDP socket of the namespace, of the family of that address; without a port, at one that was free. */
  bindUdp(host: string, port?: number): Promise<DatagramSocket>
  /**
   * Answers datagrams of guests that come from link-local addresses to that port. The helper keeps the socket: `isRelaying` tells whether it
   * does. There is one relay at a time.
   */
  relay(port: number, answer: (device: string, data: Buffer) => Buffer | undefined): Promise<void>
  isRelaying(): boolean
  /** Tells guests the time by NTP at an address of the namespace. The helper keeps the socket: `isTellingTime` tells whether it does. */
  tellTime(address: string): Promise<void>
  isTellingTime(address: string): boolean
  /**
   * Has the helper run a program to its end, if there is one: a process as small as it starts programs sooner than the daemon, whose page tables
   * are copied each time while it stands still. Undefined when there is no helper; rejects with HelperEnded when it has ended meanwhile, and the
   * program has run or has not.
   */
  run(argv: readonly string[], input: string, timeoutMs: number): Promise<ProgramEnd | undefined>
  /** Asks the VPC's DNS server for the IPv4 addresses of a name, or, where it has none, for its IPv6 addresses. */
  resolve(name: string): Promise<string[]>
  close(): void
}

/** How a program has ended. */
export interface ProgramEnd {
  /** Absent where it could not be started, or was killed. */
  readonly exitCode?: number
  readonly stdout: string
  readonly stderr: string
}

/** What the helper says: the end of a request, or what came to the relay. */
interface HelperMessage {
  readonly id?: number
  readonly error?: string
  readonly addresses?: string[]
  readonly end?: ProgramEnd
  readonly relayed?: { readonly address: string; readonly port: number; readonly data: string }
}

/** A helper that has died was in the midst of what it was asked. */
export class HelperEnded extends Error {
  override readonly name = 'HelperEnded'

  constructor() {
    super('the namespace helper ended')
  }
}

interface Pending {
  readonly request: Record<string, unknown>
  /** Who was asked. */
  helper: ChildProcess
  isSecondTry: boolean
  resolve(handle: unknown): void
  reject(error: Error): void
}

/** Longer than any caller's patience: callers bring their own signal. */
const dialTimeoutMs = 120_000

/** `enter` is the argv prefix that runs a program inside the namespace. The helper starts with the first request. */
export function createNamespaceBroker(processes: ProcessHost, enter: readonly string[]): NamespaceBroker {
  const pending = new Map<number, Pending>()
  let helper: ChildProcess | undefined
  let relaying: ChildProcess | undefined
  /** The helper that tells the time, by address. */
  const tellingTime = new Map<string, ChildProcess | undefined>()
  let answerRelayed: (device: string, data: Buffer) => Buffer | undefined = () => undefined
  let nextId = 1

  function answer({ address, port, data }: NonNullable<HelperMessage['relayed']>): void {
    const [, device] = address.split('%')
    const said = device === undefined ? undefined : answerRelayed(device, Buffer.from(data, 'base64'))
    if (said === undefined || !helper?.connected) return
    helper.send({ id: 0, kind: 'answer', address, port, data: said.toString('base64') })
  }

  function rejectPending(): void {
    for (const request of pending.values()) request.reject(new HelperEnded())
    pending.clear()
  }

  /** One that is killed has not done what it was asked, or nobody has what came of it: the next one is asked. */
  function askAgain(dead: ChildProcess): void {
    for (const [id, request] of pending) {
      if (request.helper !== dead) continue
      if (request.isSecondTry) {
        pending.delete(id)
        request.reject(new HelperEnded())
      } else {
        request.isSecondTry = true
        send(id, request)
      }
    }
  }

  function send(id: number, request: Pending): void {
    const asked = ensureHelper()
    request.helper = asked
    asked.send({ id, ...request.request }, (error) => {
      // What a dead one was not told any more is asked again when its end is heard of.
      if (!error || isOfDeath(error) || !asked.connected || request.helper !== asked || pending.get(id) !== request)
        return
      pending.delete(id)
      request.reject(error)
    })
  }

  function ensureHelper(): ChildProcess {
    if (helper?.connected) return helper
    const [program = '', ...rest] = [...enter, process.execPath, ...ownProgramArguments('network/namespace-helper')]
    const started = processes.startHelper({ argv: [program, ...rest] })
    helper = started
    started.on('message', (message: HelperMessage, handle: unknown) => {
      if (message.relayed) return answer(message.relayed)
      const { id = 0 } = message
      const request = pending.get(id)
      pending.delete(id)
      if (message.error !== undefined) request?.reject(Object.assign(new Error(message.error), { code: message.error }))
      else if (request) request.resolve(message.addresses ?? message.end ?? handle)
      else if (handle instanceof Socket) handle.destroy()
      else if (handle instanceof DatagramSocket) handle.close()
    })
    const fail = () => {
      if (helper === started) helper = undefined
      askAgain(started)
    }
    started.on('exit', fail)
    started.on('error', fail)
    // The daemon may end without waiting for it: it goes by itself when the channel closes.
    started.unref()
    started.channel?.unref()
    return started
  }

  /** Whether a helper still has the sockets that it keeps. */
  function isPresent(keeper: ChildProcess | undefined): boolean {
    return keeper !== undefined && keeper === helper && keeper.connected
  }

  /** `isSecondTry`: the next helper is not asked when this one dies, for what may not be done twice. */
  async function ask(
    request: Record<string, unknown>,
    { signal, isSecondTry = false }: { signal?: AbortSignal; isSecondTry?: boolean } = {},
  ): Promise<unknown> {
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
      const entry = {
        ...{ request, helper: ensureHelper(), isSecondTry },
        ...{ resolve: settle(resolve), reject: settle(reject) },
      }
      pending.set(id, entry)
      send(id, entry)
    })
  }

  return {
    listen: async (host, port) => {
      const server = await ask({ kind: 'listen', host, port })
      if (!(server instanceof Server)) throw new Error('the namespace helper handed over no server')
      return server
    },
    dial: async (host, port, signal, localAddress) => {
      const socket = await ask({ kind: 'dial', host, port, localAddress, timeoutMs: dialTimeoutMs }, { signal })
      if (!(socket instanceof Socket)) throw new Error('the namespace helper handed over no socket')
      // A peer that has said all may still listen.
      socket.allowHalfOpen = true
      return socket
    },
    dialAgain: (host) => {
      if (helper?.connected) helper.send({ id: 0, kind: 'dial-again', host })
    },
    relay: async (port, answer) => {
      answerRelayed = answer
      await ask({ kind: 'relay', port })
      relaying = helper
    },
    isRelaying: () => isPresent(relaying),
    tellTime: async (address) => {
      await ask({ kind: 'time', host: address })
      tellingTime.set(address, helper)
    },
    isTellingTime: (address) => isPresent(tellingTime.get(address)),
    resolve: async (name) => (await ask({ kind: 'resolve', name, server: dnsAddress })) as string[],
    run: async (argv, input, timeoutMs) => {
      if (!helper?.connected) return undefined
      return (await ask({ kind: 'run', argv, input, timeoutMs }, { isSecondTry: true })) as ProgramEnd
    },
    bindUdp: async (host, port = 0) => {
      const socket = await ask({ kind: 'udp', host, port })
      if (!(socket instanceof DatagramSocket)) throw new Error('the namespace helper handed over no UDP socket')
      return socket
    },
    close: () => {
      if (helper?.connected) helper.disconnect()
      helper = undefined
      // A helper that has only just been started takes its time to end.
      rejectPending()
    },
  }
}

/** A helper that was killed is connected until its end is heard of. */
function isOfDeath(error: Error): boolean {
  return 'code' in error && ['EPIPE', 'ECONNRESET', 'ERR_IPC_CHANNEL_CLOSED'].includes(String(error.code))
}
