import { z } from 'zod'
import { Ec2Error } from '../ec2/errors.ts'
import type { RegistryLogin } from '../ec2/ports/registry.ts'
import type { Clock } from '../host/clock.ts'
import { type Challenge, parseChallenge } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { fetchInTime } from './fetch-in-time.ts'
import { readAtMost } from './read-at-most.ts'

/** What goes into `Authorization`, by what was asked for. */
export interface Authorizer {
  /** What an earlier answer has taught; undefined: nothing yet. */
  known(host: string, scope: string): string | undefined
  /** Answers a 401: what to ask with now. Rejects with RegistryAccessDenied when there is nothing to try. */
  answer(host: string, scope: string, response: Response, signal: AbortSignal): Promise<string>
}

const tokenSchema = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().positive().optional(),
})
/** The specification's own when the server says nothing. */
const defaultLifeSeconds = 60
/** A token is asked anew so long before it ends. */
const marginSeconds = 10
const maximumTokenBytes = 256 * 1024

export function createAuthorizer(dependencies: {
  clock: Clock
  credentials: Pick<Credentials, 'find'>
  /** Whether logins may go to that host without TLS. */
  isPlain: (host: string) => boolean
}): Authorizer {
  const { clock, credentials, isPlain } = dependencies
  const kept = new Map<string, { value: string; until: number }>()

  async function askForToken(
    host: string,
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    scope: string,
    login: RegistryLogin | undefined,
    signal: AbortSignal,
  ): Promise<{ value: string; lifeSeconds: number }> {
    const url = new URL(challenge.realm)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPlain(host))) {
      throw denied(host, `it sends logins to ${url.origin}, which is not https`)
    }
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service)
    const wanted = new Set(`${challenge.scope ?? ''} ${scope}`.split(' ').filter((one) => one !== ''))
    for (const one of wanted) url.searchParams.append('scope', one)
    const headers = login ? { authorization: basicOf(login) } : {}
    const response = await fetchInTime(url, { headers, signal })
    const body = await readAtMost(response, maximumTokenBytes)
    // Another try may help.
    if (response.status >= 500) throw new Error(`${url.origin} gives no token now (${response.status})`)
    if (!response.ok) throw denied(host, `${url.origin} gives no token (${response.status})`)
    const parsed = tokenSchema.safeParse(parseJson(body))
    const token = parsed.data?.token ?? parsed.data?.access_token
    if (token === undefined) throw denied(host, `${url.origin} answers without a token`)
    return { value: `Bearer ${token}`, lifeSeconds: parsed.data?.expires_in ?? defaultLifeSeconds }
  }

  return {
    known: (host, scope) => {
      const found = kept.get(`${host} ${scope}`)
      return found && found.until > clock.monotonicMs() ? found.value : undefined
    },
    answer: async (host, scope, response, signal) => {
      const challenge = parseChallenge(response.headers.get('www-authenticate'))
      const login = await credentials.find(host)
      if (!challenge) throw denied(host, 'it asks for a login in a way that Kiln does not know')
      if (challenge.scheme === 'basic' && !login) throw denied(host, `log in first: kiln registry login ${host}`)
      const { value, lifeSeconds } =
        challenge.scheme === 'basic' && login
          ? { value: basicOf(login), lifeSeconds: Number.POSITIVE_INFINITY }
          : await askForToken(host, challenge as Extract<Challenge, { scheme: 'bearer' }>, scope, login, signal)
      kept.set(`${host} ${scope}`, { value, until: clock.monotonicMs() + (lifeSeconds - marginSeconds) * 1000 })
      return value
    },
  }
}

export function denied(host: string, why: string): Ec2Error {
  return new Ec2Error('RegistryAccessDenied', `The registry ${host} does not let this in: ${why}.`)
}

export function basicOf({ username, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
