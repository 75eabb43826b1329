import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { Ec2Model } from '../../ec2-model/model.ts'
import type { CallerIdentity } from '../../ec2/access/identity.ts'
import { Ec2Error, internalError } from '../../ec2/errors.ts'
import type { Clock } from '../../host/clock.ts'
import type { Random } from '../../host/random.ts'
import type { Caller } from '../caller.ts'
import { refuseConnection } from '../connection-refusal.ts'
import { type Dispatch, operationNotOffered } from '../dispatch.ts'
import { readBody, RequestAbandoned } from '../read-body.ts'
import type { Parameter } from './form.ts'
import {
  instanceConnectContentType,
  instanceConnectService,
  isInstanceConnectRequest,
  parseInstanceConnect,
  writeInstanceConnectError,
} from './instance-connect.ts'
import { parseQuery } from './parse-query.ts'
import { readParameters } from './read-parameters.ts'
import { type SigningSecret, type VerifiedSignature, verifySignature } from './signature.ts'
import { isStsRequest, parseStsQuery, writeStsError, writeStsResponse } from './sts.ts'
import { writeError, writeResponse } from './write-response.ts'

/** What stands behind an access key. */
export interface QueryCredential extends SigningSecret {
  /** Twelve digits. */
  readonly accountId: string
  readonly identity: CallerIdentity
}

/** What a client may ask of the server's patience. */
export interface QueryLimits {
  /** Longest body. */
  readonly bodyBytes: number
  /** Longest time from a request's first byte to its last. */
  readonly requestTimeoutMs: number
}

/** EC2's requests have at most 16 KB of user data, base64 and URL encoded, and little else. */
export const defaultQueryLimits: QueryLimits = { bodyBytes: 1024 * 1024, requestTimeoutMs: 30_000 }

export interface QueryServerDependencies {
  readonly model: Ec2Model
  readonly dispatch: Dispatch
  /** Whether dispatch has that operation: one that it lacks is refused by name, whatever its parameters. */
  readonly isOffered: (operation: string) => boolean
  /** Throws RequestLimitExceeded where an account calls more often than it may just now. */
  readonly admit: (accountId: string) => void
  /** Undefined for a key that is not there or whose session token is not its own. */
  readonly findCredential: (accessKeyId: string, sessionToken: string | undefined) => QueryCredential | undefined
  /** The VPC in which it listens; absent at the host's own address. */
  readonly vpcId?: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly limits?: QueryLimits
}

/** An answer before it has a body: what kind of client waits for it. */
interface Exchange {
  readonly requestId: string
  protocol: 'ec2' | 'sts' | 'instance-connect'
}

/** Idle connections are kept for longer than SDKs keep theirs, so that the client is the one who closes. */
const keepAliveTimeoutMs = 75_000
/** A GET has everything in its request line. */
const maximumHeaderBytes = 64 * 1024
const timeoutCheckMs = 1000

/**
 * Builds the EC2 query front end, and STS and EC2 Instance Connect on the same port; the caller listens and closes. Every answer carries its
 * request id in the body and in `x-amzn-requestid`.
 */
export function createQueryServer(dependencies: QueryServerDependencies): Server {
  const { limits = defaultQueryLimits, random, log } = dependencies
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(timeoutCheckMs, limits.requestTimeoutMs),
      maxHeaderSize: maximumHeaderBytes,
    },
    (request, response) => {
      void respond(dependencies, limits, request, response)
    },
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const requestId = random.uuid()
    log.debug({ requestId, errorCode: error.code }, 'refused what is not an HTTP request')
    refuseConnection(error, socket, (refusal) => ({
      type: 'text/xml;charset=UTF-8',
      requestId,
      body: writeError(refusal, requestId),
    }))
  })
  return server
}

async function respond(
  dependencies: QueryServerDependencies,
  limits: QueryLimits,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { clock, random, log } = dependencies
  const exchange: Exchange = { requestId: random.uuid(), protocol: 'ec2' }
  const startedMs = clock.monotonicMs()
  try {
    const body = await readBody(request, limits.bodyBytes)
    send(response, exchange, 200, await answer(dependencies, exchange, request, body))
  } catch (error) {
    if (error instanceof RequestAbandoned) {
      response.destroy()
      return
    }
    const refusal = error instanceof Ec2Error ? error : internalError()
    if (refusal !== error) log.error({ requestId: exchange.requestId, err: error }, 'request failed unexpectedly')
    send(response, exchange, refusal.status, errorDocuments[exchange.protocol](refusal, exchange.requestId))
  }
  const durationMs = Math.round(clock.monotonicMs() - startedMs)
  log.debug({ requestId: exchange.requestId, status: response.statusCode, durationMs }, 'answered a query request')
}

async function answer(
  dependencies: QueryServerDependencies,
  exchange: Exchange,
  request: IncomingMessage,
  body: Buffer,
): Promise<string | Buffer[]> {
  const { dispatch, findCredential, admit, clock } = dependencies
  const { method = '', url = '/', rawHeaders } = request
  const verify = () => {
    const signature = verifySignature({ method, url, rawHeaders, body }, findCredential, clock.now())
    refuseOtherService(exchange, signature)
    admit(signature.credential.accountId)
    return callerOf(dependencies, exchange, request, signature)
  }
  if (isInstanceConnectRequest(request)) {
    exchange.protocol = 'instance-connect'
    const caller = verify()
    const { operation, input } = parseInstanceConnect(request, body)
    return JSON.stringify(await dispatch(caller, operation, input))
  }
  const parameters = readParameters(request, body)
  if (isStsRequest(parameters)) exchange.protocol = 'sts'
  const caller = verify()
  if (exchange.protocol === 'sts') {
    const { operation, input } = parseStsQuery(parameters)
    return writeStsResponse(operation, await dispatch(caller, operation, input), exchange.requestId)
  }
  return answerEc2(dependencies, caller, parameters)
}

async function answerEc2(
  { model, dispatch, isOffered }: QueryServerDependencies,
  caller: Caller,
  parameters: readonly Parameter[],
): Promise<string | Buffer[]> {
  const action = parameters.find(([key]) => key === 'Action')?.[1] ?? ''
  if (model.findOperation(action) && !isOffered(action)) throw operationNotOffered(action)
  const { operation, version, input } = parseQuery(model, parameters)
  const output = await dispatch(caller, operation, input)
  return writeResponse(model, operation, output, { requestId: caller.requestId, version })
}

function callerOf(
  { vpcId }: QueryServerDependencies,
  { requestId }: Exchange,
  request: IncomingMessage,
  { credential, region }: VerifiedSignature<QueryCredential>,
): Caller {
  const address = request.socket.remoteAddress
  return {
    accountId: credential.accountId,
    region,
    identity: credential.identity,
    source: {
      kind: 'query',
      ...(address === undefined ? {} : { address }),
      ...(vpcId === undefined ? {} : { vpcId }),
    },
    requestId,
  }
}

function refuseOtherService({ protocol }: Exchange, { service }: VerifiedSignature<QueryCredential>): void {
  const expected = protocol === 'instance-connect' ? instanceConnectService : protocol
  if (service === expected) return
  const message = `Credential should be scoped to correct service: '${expected}'.`
  if (protocol === 'ec2') throw new Ec2Error('AuthFailure', message, 401)
  throw new Ec2Error(protocol === 'sts' ? 'SignatureDoesNotMatch' : 'InvalidSignatureException', message, 403)
}

const errorDocuments = { ec2: writeError, sts: writeStsError, 'instance-connect': writeInstanceConnectError }

function send(
  response: ServerResponse,
  { requestId, protocol }: Exchange,
  status: number,
  document: string | Buffer[],
): void {
  const pieces = typeof document === 'string' ? [Buffer.from(document)] : document
  response.writeHead(status, {
    'content-type': protocol === 'instance-connect' ? instanceConnectContentType : 'text/xml;charset=UTF-8',
    'content-length': pieces.reduce((sum, { length }) => sum + length, 0),
    'cache-control': 'no-cache, no-store',
    'x-amzn-requestid': requestId,
  })
  // Node hands them on together.
  for (const piece of pieces.slice(0, -1)) response.write(piece)
  response.end(pieces.at(-1))
}
