import { Ec2Error } from '../ec2/errors.ts'
import type { Clock } from '../host/clock.ts'
import { type Authorizer, denied } from './authorization.ts'
import { fetchInTime } from './fetch-in-time.ts'
import { readAtMost } from './read-at-most.ts'

export interface RegistryRequest {
  readonly host: string
  /** A path below `/v2/`, or a whole address that the registry gave. */
  readonly path: string | URL
  /** What the token has to allow: `repository:team/web:pull`. */
  readonly scope: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly signal: AbortSignal
  /** Statuses besides 2xx that the caller understands. */
  readonly accepted?: readonly number[]
}

/** Requests with authorization, time limits and errors that say what is wrong. */
export interface Requester {
  baseOf(host: string): URL
  /** Once. Rejects with another Error than Ec2Error when another try may help. */
  once(request: RegistryRequest): Promise<Response>
  /** Again and again when that may help: for what may be done twice. */
  send(request: RegistryRequest): Promise<Response>
}

const attempts = 4
const firstPauseMs = 300
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429])
const maximumErrorBytes = 64 * 1024
const redirections: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const maximumRedirections = 5

export function createRequester(dependencies: {
  clock: Clock
  authorizer: Authorizer
  isPlain: (host: string) => boolean
}): Requester {
  const { clock, authorizer, isPlain } = dependencies

  function baseOf(host: string): URL {
    const name = host === 'docker.io' ? 'registry-1.docker.io' : host
    return new URL(`${isPlain(host) ? 'http' : 'https'}://${name}/v2/`)
  }

  /** Asks, also where a redirection leads to: the same again there, be it a piece of a layer that is sent. */
  async function fetchWith(request: RegistryRequest, from: URL, authorization: string | undefined): Promise<Response> {
    const { host, method = 'GET', headers = {}, body, signal } = request
    let url = from
    for (let passed = 0; ; passed++) {
      const response = await fetchInTime(url, {
        method,
        headers: { ...headers, ...(authorization !== undefined && isOwn(host, url) ? { authorization } : {}) },
        ...(body ? { body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength) } : {}),
        signal,
      })
      const location = redirections.has(response.status) ? response.headers.get('location') : null
      if (location === null) return response
      await response.body?.cancel()
      if (passed === maximumRedirections) {
        throw new Ec2Error('RegistryRefused', `The registry ${host} redirects ${from.pathname} again and again.`)
      }
      url = requireSafe(host, new URL(location, url))
    }
  }

  /** A login is for the registry itself: what it keeps elsewhere has signed addresses. */
  function isOwn(host: string, url: URL): boolean {
    return url.origin === baseOf(host).origin
  }

  async function once(request: RegistryRequest): Promise<Response> {
    const { host, scope, signal, accepted = [] } = request
    const url = requireSafe(host, new URL(request.path, baseOf(host)))
    let response = await fetchWith(request, url, authorizer.known(host, scope))
    // What another host demands is none of the login's business: it would say where to send it.
    if (response.status === 401 && isOwn(host, new URL(response.url))) {
      const authorization = await authorizer.answer(host, scope, response, signal)
      await response.body?.cancel()
      response = await fetchWith(request, url, authorization)
    }
    const { status } = response
    if (response.ok || accepted.includes(status)) return response
    if (status >= 500 || passingStatuses.has(status)) {
      const { told, isFull } = await reasonIn(response)
      if (isFull) throw full(host)
      throw new Error(`it answered ${told}`)
    }
    const { told } = await reasonIn(response)
    if (status === 401 || status === 403) throw denied(host, `${told}; see kiln registry login`)
    throw new Ec2Error(
      'RegistryRefused',
      `The registry ${host} refused ${request.method ?? 'GET'} ${url.pathname}: ${told}`,
    )
  }

  /** Layers are never sent, nor asked for, over less than the registry itself is spoken to. */
  function requireSafe(host: string, url: URL): URL {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isPlain(host))) return url
    throw new Ec2Error('RegistryRefused', `The registry ${host} leads to ${url.origin}, which is not https.`)
  }

  return {
    baseOf,
    once,
    send: async (request) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(request)
        } catch (error) {
          request.signal.throwIfAborted()
          if (error instanceof Ec2Error) throw error
          if (attempt === attempts) throw unreachable(request.host, error)
          await clock.sleep(firstPauseMs * 2 ** (attempt - 1), request.signal)
        }
      }
    },
  }
}

/** Whatever was tried, the registry did not take part. */
export function unreachable(host: string, error: unknown): Ec2Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const why = cause instanceof Error ? cause.message : String(cause)
  return new Ec2Error('RegistryUnreachable', `The registry ${host} cannot be reached: ${why}`)
}

/** A registry's own words (OCI Distribution Specification, "Error Codes"). */
async function reasonIn(response: Response): Promise<{ told: string; isFull: boolean }> {
  const body = (await readAtMost(response, maximumErrorBytes).catch(() => Buffer.alloc(0))).toString('utf8')
  try {
    const { errors } = JSON.parse(body) as { errors?: { code?: string; message?: string }[] }
    const [first] = errors ?? []
    if (first?.code !== undefined) {
      return { told: `${response.status} ${first.code}: ${String(first.message).slice(0, 300)}`, isFull: isFull(body) }
    }
  } catch {
    // Not every answer is the registry's own: proxies have theirs.
  }
  return { told: `${response.status} ${response.statusText}`.trim(), isFull: isFull(body) }
}

/** docker-registry tells of it by the number of the error alone, in the detail: ENOSPC of Linux. */
function isFull(body: string): boolean {
  return /"Err":28\b|no space left on device/i.test(body)
}

function full(host: string): Ec2Error {
  return new Ec2Error(
    'RegistryFull',
    `The disk of the registry ${host} is full: there is no space left. Free some there and try again.`,
  )
}
