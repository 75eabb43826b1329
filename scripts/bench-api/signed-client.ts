import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type SigningKey, signQuery } from '../../test/e2e/api/raw-query.ts'

/** Who asks whom. */
export interface Endpoint {
  readonly url: string
  readonly key: SigningKey
  readonly region: string
}

/** A client that does little besides signing, so that what is measured is the server. */
export interface SignedClient {
  /** Posts an operation; throws unless it is answered with 200. Answers the body and how long it took. */
  post(parameters: string): Promise<{ body: Buffer; ms: number }>
  close(): void
}

const contentType = 'application/x-www-form-urlencoded'

/** A client with that many connections, kept open. */
export function createSignedClient({ url, key, region }: Endpoint, connections: number): SignedClient {
  const { host, hostname, port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    post: async (parameters) => {
      const began = performance.now()
      const { headers } = signQuery(host, { parameters, key, region }, key)
      const answer = await new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
        const asked = request({
          agent,
          hostname,
          port,
          method: 'POST',
          path: '/',
          headers: { host, 'content-type': contentType, 'content-length': Buffer.byteLength(parameters), ...headers },
        })
        asked.on('error', reject)
        asked.on('response', (response) => {
          buffer(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
        })
        asked.end(parameters)
      })
      if (answer.status !== 200) throw new Error(`${parameters.slice(0, 200)}: ${answer.body.toString()}`)
      return { body: answer.body, ms: performance.now() - began }
    },
    close: () => agent.destroy(),
  }
}

/** `Action=…` with its parameters, in the form of a query request. */
export function formOf(action: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  const entries = Object.entries({ Action: action, Version: '2016-11-15', ...parameters })
  return entries.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}
