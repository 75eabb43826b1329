import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { type OperationCaller, OperationError } from '../api/contract.ts'
import type { EventDescription } from '../api/kiln/event.ts'
import { CliError, daemonNotRunning } from './failure.ts'

/** The daemon as seen through its unix socket. Everything rejects with OperationError or CliError. */
export interface KilnClient {
  readonly call: OperationCaller
  /** Events after that number, then new ones until the signal is aborted or the daemon ends. */
  events(after: number, signal: AbortSignal): AsyncIterable<EventDescription>
  /** The serial console, both ways; the recent output comes first. */
  openConsole(instanceId: string): Promise<Duplex>
  /** Output of the serial console, all or the last lines; goes on until the signal is aborted when it is followed. */
  consoleLog(
    instanceId: string,
    options: { tail?: number | undefined; isFollowed: boolean; signal: AbortSignal },
  ): AsyncIterable<Buffer>
  /** A TCP connection to a port of the instance. */
  dial(instanceId: string, port: number): Promise<Duplex>
  /** A TCP connection from the router of a VPC, or from a connect endpoint, to an address or a name in the VPC. */
  dialVpc(vpcOrEndpointId: string, host: string, port: number): Promise<Duplex>
  /** Datagrams from the router of a VPC and back, in frames of src/api/stream/datagram-frame.ts. */
  openDatagrams(vpcId: string): Promise<Duplex>
  /** Resolves when the daemon answers. */
  health(): Promise<unknown>
  /** Asks the daemon to end; machines go on unless `machines` is true. */
  shutdown(options: { machines: boolean }): Promise<void>
}

export interface ClientOptions {
  readonly socketPath: string
  /** The daemon's own when absent. */
  readonly account?: string | undefined
  /** The daemon's default region when absent. */
  readonly region?: string | undefined
}

const maximumAnswerBytes = 256 * 1024 * 1024

/** A client for one socket; nothing is opened before the first call. */
export function createClient({ socketPath, account, region }: ClientOptions): KilnClient {
  const headers: Record<string, string> = {
    ...(account ? { 'x-kiln-account': account } : {}),
    ...(region ? { 'x-kiln-region': region } : {}),
  }

  function start(method: string, path: string, extra: Record<string, string> = {}): ClientRequest {
    return request({ socketPath, method, path, headers: { host: 'kiln', ...headers, ...extra }, agent: false })
  }

  async function exchange(method: string, path: string, body?: unknown): Promise<unknown> {
    const text = body === undefined ? undefined : JSON.stringify(body, encodeBytes)
    const outgoing = start(method, path, text === undefined ? {} : { 'content-type': 'application/json' })
    const response = answerTo(outgoing)
    outgoing.end(text)
    return readAnswer(await response)
  }

  async function upgrade(path: string): Promise<Duplex> {
    const outgoing = start('GET', path, { connection: 'Upgrade', upgrade: 'kiln-stream' })
    return new Promise((resolve, reject) => {
      outgoing.once('error', (error) => reject(connectionFailure(error)))
      outgoing.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      })
      outgoing.once('response', (response) => {
        readAnswer(response).then(
          () => reject(new CliError('The daemon did not open the stream.')),
          (error: unknown) => reject(error),
        )
      })
      outgoing.end()
    })
  }

  /** The body of a streamed answer, chunk by chunk, until the signal is aborted, its reader leaves or the daemon ends. */
  async function* stream(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const outgoing = start('GET', path)
    const answered = answerTo(outgoing)
    outgoing.end()
    const stop = () => outgoing.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const response = await answered
      if (response.statusCode !== 200) await readAnswer(response)
      yield* response as AsyncIterable<Buffer>
    } catch (error) {
      if (!signal.aborted && !isConnectionReset(error)) throw error
    } finally {
      signal.removeEventListener('abort', stop)
      outgoing.destroy()
    }
  }

  async function* events(after: number, signal: AbortSignal): AsyncGenerator<EventDescription> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of stream(`/events?after=${after}`, signal)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as EventDescription
    }
  }

  return {
    call: (async (name: string, input: unknown) =>
      exchange('POST', `/operations/${encodeURIComponent(name)}`, input)) as OperationCaller,
    events,
    consoleLog: (id, { tail, isFollowed, signal }) => {
      const query = new URLSearchParams({
        follow: isFollowed ? '1' : '0',
        ...(tail === undefined ? {} : { tail: String(tail) }),
      })
      return stream(`/console-log/${encodeURIComponent(id)}?${query.toString()}`, signal)
    },
    openConsole: (id) => upgrade(`/console/${encodeURIComponent(id)}`),
    dial: (id, port) => upgrade(`/dial/${encodeURIComponent(id)}/${port}`),
    dialVpc: (vpcId, host, port) =>
      upgrade(`/vpc/${encodeURIComponent(vpcId)}/tcp/${encodeURIComponent(host)}/${port}`),
    openDatagrams: (vpcId) => upgrade(`/vpc/${encodeURIComponent(vpcId)}/udp`),
    health: () => exchange('GET', '/health'),
    shutdown: async ({ machines }) => {
      await exchange('POST', '/shutdown', { machines })
    },
  }
}

/** Bytes travel as base64. JSON.stringify has already called toJSON on `value`; the original is in the holder. */
function encodeBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key]
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value
}

function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', (error) => reject(connectionFailure(error)))
  })
}

function connectionFailure(error: NodeJS.ErrnoException): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return daemonNotRunning()
  if (error.code === 'EACCES') {
    return new CliError('The daemon of this state directory belongs to another user.', {
      hint: 'Use your own state directory (unset KILN_HOME), or run kiln as that user.',
    })
  }
  return new CliError('The daemon closed the connection before it answered.', { hint: 'See: kiln daemon status' })
}

/** The daemon has ended in the middle of an answer. */
function isConnectionReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maximumAnswerBytes) throw new CliError('The daemon answered more than can be held.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  const text = await readText(response)
  const body = parseObject(text)
  if (response.statusCode === 200) return body ?? {}
  const { Code, Message, RequestId } = (body ?? {}) as Partial<Record<'Code' | 'Message' | 'RequestId', string>>
  throw new OperationError(Code ?? 'InternalError', Message ?? `The daemon answered ${response.statusCode}.`, RequestId)
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
