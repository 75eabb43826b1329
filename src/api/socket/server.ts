import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import type { Ec2Model } from '../../ec2-model/model.ts'
import { ownerOf } from '../../ec2/access/identity.ts'
import { Ec2Error, internalError, invalidParameterValue } from '../../ec2/errors.ts'
import type { EventBus } from '../../ec2/event/event-bus.ts'
import type { Random } from '../../host/random.ts'
import type { Caller } from '../caller.ts'
import { refuseConnection } from '../connection-refusal.ts'
import { type Dispatch, operationNotOffered } from '../dispatch.ts'
import { kilnInputs } from '../kiln-operations.ts'
import { toJson, validateInput } from '../model-validation.ts'
import { RequestAbandoned } from '../read-body.ts'
import { streamEvents } from '../stream/event-stream.ts'
import { readJson } from './read-json.ts'

/** The JSON front end on the unix socket: whoever may open the socket is the account's owner. */
export interface SocketServerDependencies {
  readonly model: Ec2Model
  readonly dispatch: Dispatch
  readonly isOffered: (operation: string) => boolean
  readonly random: Random
  readonly log: Logger
  readonly events: EventBus
  /** The account of callers that name none. */
  readonly accountId: string
  readonly isKnownAccount: (accountId: string) => boolean
  readonly defaultRegion: string
  /** Raw bytes to and from a TCP port of an instance, or its serial console. */
  readonly openStream: (caller: Caller, kind: 'dial' | 'console', instanceId: string, port: number) => Promise<Duplex>
  /** A TCP connection from the router of a VPC, or from a connect endpoint in one; without a target, a UDP socket at the router. */
  readonly openVpcStream: (
    caller: Caller,
    vpcOrEndpointId: string,
    target: { readonly host: string; readonly port: number } | undefined,
  ) => Promise<Duplex>
  /** Output of the serial console; goes on until `until` is aborted. */
  readonly openConsoleLog: (
    caller: Caller,
    instanceId: string,
    options: { lines?: number | undefined; until?: AbortSignal | undefined },
  ) => Promise<AsyncIterable<Buffer>>
  readonly shutDown: (caller: Caller, options: { machines: boolean }) => void
  /** Longest time from a request's first byte to its last; half a minute when absent. */
  readonly requestTimeoutMs?: number
}

/** Longer than clients keep theirs, so that none sends a request into a connection that is just being closed. */
const keepAliveTimeoutMs = 75_000
const defaultRequestTimeoutMs = 30_000
const timeoutCheckMs = 1000

/**
 * `POST /operations/NAME` answers JSON; `GET /events?after=NUMBER` streams one event a line; `GET /console-log/INSTANCE` gives the output
 * of the serial console (`?tail=LINES`, `&follow=1`); `GET /dial/INSTANCE/PORT`, `GET /console/INSTANCE` and `GET /vpc/VPC/tcp/HOST/PORT` with
 * `Upgrade: kiln-stream` become raw bytes, `GET /vpc/VPC/udp` frames of datagrams; `POST /shutdown` ends the daemon; `GET /health`.
 */
export function createSocketServer(dependencies: SocketServerDependencies): Server {
  const { requestTimeoutMs = defaultRequestTimeoutMs, random } = dependencies
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(timeoutCheckMs, requestTimeoutMs),
    },
    (request, response) => {
      const caller = callerOf(dependencies, request)
      route(dependencies, caller, request, response).catch((error: unknown) => {
        sendError(response, describeError(dependencies, caller, error))
      })
    },
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const requestId = random.uuid()
    refuseConnection(error, socket, (refusal) => ({
      type: 'application/json',
      requestId,
      body: writeRefusal(refusal, requestId),
    }))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    const caller = callerOf(dependencies, request)
    upgrade(dependencies, caller, request, socket).catch((error: unknown) => {
      const { status, body } = describeError(dependencies, caller, error)
      socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${body}`)
    })
  })
  return server
}

function callerOf(dependencies: SocketServerDependencies, request: IncomingMessage): Caller {
  const accountId = headerOf(request, 'x-kiln-account') ?? dependencies.accountId
  return {
    accountId,
    region: headerOf(request, 'x-kiln-region') ?? dependencies.defaultRegion,
    identity: ownerOf(accountId),
    source: { kind: 'socket' },
    requestId: dependencies.random.uuid(),
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A slip of the pen must not make an account. */
function refuseUnknownAccount({ isKnownAccount, accountId }: SocketServerDependencies, caller: Caller): void {
  if (caller.accountId === accountId || isKnownAccount(caller.accountId)) return
  const shown = caller.accountId.slice(0, 40)
  throw new Ec2Error(
    'NoSuchEntity',
    `There is no account ${shown}. An account begins with its first access key: kiln access-key create --account ${shown}`,
    404,
  )
}

async function route(
  dependencies: SocketServerDependencies,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  refuseUnknownAccount(dependencies, caller)
  const url = parseUrl(request.url ?? '/')
  const operation = /^\/operations\/([A-Za-z0-9]{1,80})$/.exec(url.pathname)?.[1]
  if (request.method === 'POST' && operation !== undefined) {
    const input = await readJson(request)
    return sendJson(response, 200, await callOperation(dependencies, caller, operation, input))
  }
  if (operation !== undefined) throw new Ec2Error('MethodNotAllowed', 'Operations are called by POST.', 405)
  if (request.method === 'GET' && url.pathname === '/health')
    return sendJson(response, 200, { Health: 'ok', Pid: process.pid })
  if (request.method === 'GET' && url.pathname === '/events')
    return streamEvents(dependencies.events, response, caller.accountId, readAfter(url))
  const loggedId = /^\/console-log\/(i-[0-9a-f]{1,40})$/.exec(url.pathname)?.[1]
  if (request.method === 'GET' && loggedId !== undefined)
    return await sendConsoleLog(dependencies, caller, loggedId, url, response)
  if (request.method === 'POST' && url.pathname === '/shutdown') {
    const input = await readJson(request)
    sendJson(response, 200, {})
    dependencies.shutDown(caller, { machines: input['machines'] === true })
    return
  }
  throw new Ec2Error('NotFound', `There is no ${request.method} ${url.pathname.slice(0, 100)} here.`, 404)
}

function parseUrl(text: string): URL {
  if (URL.canParse(text, 'http://kiln')) return new URL(text, 'http://kiln')
  throw new Ec2Error('NotFound', `There is no ${text.slice(0, 100)} here.`, 404)
}

/** What is neither EC2's nor Kiln's own. */
const otherServices: ReadonlySet<string> = new Set([
  'GetCallerIdentity',
  'SendSSHPublicKey',
  'SendSerialConsoleSSHPublicKey',
])

async function callOperation(
  { model, dispatch, isOffered }: SocketServerDependencies,
  caller: Caller,
  name: string,
  input: Record<string, unknown>,
): Promise<unknown> {
  const isEc2s = model.findOperation(name) !== undefined
  if (!isEc2s && !Object.hasOwn(kilnInputs, name) && !otherServices.has(name)) {
    throw new Ec2Error('InvalidAction', `The action ${name} is not valid for this web service.`)
  }
  if (isEc2s && !isOffered(name)) throw operationNotOffered(name)
  const output = await dispatch(caller, name, isEc2s ? validateInput(model, name, input) : input)
  return isEc2s ? toJson(model, name, output) : output
}

/** All events that are kept when no number is given. */
function readAfter(url: URL): number {
  return readNumber(url, 'after') ?? 0
}

function readNumber(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name)
  if (text === null) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidParameterValue(name, text.slice(0, 40), 'Expected a whole number.')
}

async function sendConsoleLog(
  { openConsoleLog }: SocketServerDependencies,
  caller: Caller,
  instanceId: string,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const leaving = new AbortController()
  const until = url.searchParams.get('follow') === '1' ? leaving.signal : undefined
  const output = await openConsoleLog(caller, instanceId, { lines: readNumber(url, 'tail'), until })
  response.on('close', () => leaving.abort())
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  response.flushHeaders()
  await pipeline(output, response).catch((error: unknown) => {
    // The reader has left.
    if (!response.destroyed) throw error
  })
}

async function upgrade(
  dependencies: SocketServerDependencies,
  caller: Caller,
  request: IncomingMessage,
  socket: Duplex,
): Promise<void> {
  refuseUnknownAccount(dependencies, caller)
  const stream = await openStream(dependencies, caller, request.url ?? '')
  stream.on('error', () => socket.destroy())
  socket.on('close', () => stream.destroy())
  // What has ended in order is still to be handed on.
  stream.on('close', () => (stream.readableEnded ? socket.end() : socket.destroy()))
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: kiln-stream\r\n\r\n')
  socket.pipe(stream)
  stream.pipe(socket)
}

async function openStream(dependencies: SocketServerDependencies, caller: Caller, url: string): Promise<Duplex> {
  const [, vpcId, host, vpcPort] =
    /^\/vpc\/((?:vpc|eice)-[0-9a-f]+)\/(?:udp|tcp\/([\w.-]{1,255})\/(\d{1,5}))$/.exec(url) ?? []
  if (vpcId !== undefined) {
    return await dependencies.openVpcStream(
      caller,
      vpcId,
      host === undefined ? undefined : { host, port: Number(vpcPort) },
    )
  }
  const match = /^\/(dial|console)\/(i-[0-9a-f]+)(?:\/(\d{1,5}))?$/.exec(url)
  const [, kind, instanceId, port] = match ?? []
  if ((kind !== 'dial' && kind !== 'console') || instanceId === undefined || (kind === 'dial' && port === undefined)) {
    throw new Ec2Error('NotFound', 'There is no such stream.', 404)
  }
  return await dependencies.openStream(caller, kind, instanceId, Number(port ?? 0))
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body ?? {})}\n`
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

function sendError(response: ServerResponse, { status, body }: Refusal): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

interface Refusal {
  readonly status: number
  readonly body: string
}

/** What is no Ec2Error is logged here, once, and told to nobody. */
function describeError({ log }: SocketServerDependencies, { requestId }: Caller, error: unknown): Refusal {
  const refusal = error instanceof Ec2Error ? error : internalError()
  if (refusal !== error && !(error instanceof RequestAbandoned)) {
    log.error({ requestId, err: error }, 'request failed unexpectedly')
  }
  return { status: refusal.status, body: writeRefusal(refusal, requestId) }
}

function writeRefusal({ code, message }: Ec2Error, requestId: string): string {
  return `${JSON.stringify({ Code: code, Message: message, RequestId: requestId })}\n`
}
