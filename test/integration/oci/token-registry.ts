import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server was asked. */
interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

/** How the registry says where something is. */
export type Way = 'directly' | 'by a path' | 'by an address' | 'at another host'

export interface TokenRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** Requests to the registry, to its token server, and to the host that keeps its blobs. */
  readonly seen: Record<'registry' | 'token' | 'storage', SeenRequest[]>
  /** From now on blobs are kept that way, and uploads taken that way. */
  way: Way
  /** From now on tokens are refused that were given before. */
  forgetTokens(): void
  /** What the storage answers instead of blobs, when set. */
  storageDemand: string | undefined
  /** Where blobs are said to be, when set. */
  blobLocation: string | undefined
  close(): void
}

/**
 * A registry in memory, as the big ones have it: it lets nobody in without a token, which another server gives for a login, and it keeps
 * blobs, and takes them, where its answers lead to.
 */
export async function startTokenRegistry(login: { username: string; password: string }): Promise<TokenRegistry> {
  const seen: TokenRegistry['seen'] = { registry: [], token: [], storage: [] }
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, { type: string; content: Buffer }>()
  const uploads = new Map<string, Buffer>()
  let tokens = new Map<string, string>()
  const servers: Server[] = []

  async function listen(
    name: keyof TokenRegistry['seen'],
    answer: (request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse) => void,
  ): Promise<string> {
    const server = createServer((request, response) => {
      const { method = '', url = '', headers } = request
      seen[name].push({ method, url, authorization: headers.authorization, range: headers.range })
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => answer(request, new URL(url, 'http://127.0.0.1'), Buffer.concat(chunks), response))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const tokenHost = await listen('token', (request, url, _body, response) => {
    const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
    if (request.headers.authorization !== basic) return void response.writeHead(401).end()
    const token = randomUUID()
    tokens.set(token, url.searchParams.getAll('scope').join(' '))
    response.end(JSON.stringify({ token, expires_in: 300 }))
  })
  // As S3: a signature in the address, and nothing besides.
  const storageHost = await listen('storage', (request, url, body, response) => {
    if (registry.storageDemand !== undefined) {
      return void response.writeHead(401, { 'www-authenticate': registry.storageDemand }).end()
    }
    if (request.headers.authorization !== undefined) return void response.writeHead(400).end()
    if (url.pathname.startsWith('/uploads/')) return answerUpload(request, url, body, response)
    sendBlob(request, url.pathname.slice(1), response)
  })
  const host = await listen('registry', (request, url, body, response) => {
    const { method = '' } = request
    const [, path = '', kind, name = ''] = /^\/v2\/(?:(.+)\/(manifests|blobs)\/(.+))?$/.exec(url.pathname) ?? []
    if (url.pathname.startsWith('/elsewhere/'))
      return sendBlob(request, url.pathname.slice('/elsewhere/'.length), response)
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : 'push'
    const granted = tokens.get((request.headers.authorization ?? '').replace('Bearer ', ''))
    const isGranted = path === '' ? granted !== undefined : grants(granted, path, action)
    if (!isGranted) {
      const scope = path === '' ? '' : `,scope="repository:${path}:${action}"`
      const demand = `Bearer realm="http://${tokenHost}/token",service="registry"${scope}`
      return void response.writeHead(401, { 'www-authenticate': demand }).end()
    }
    if (kind === 'manifests') return answerManifest(request, `${path}:${name}`, body, response)
    if (kind !== 'blobs') return void response.end('{}')
    if (!name.startsWith('uploads')) return answerBlob(request, name, response)
    if (method !== 'POST') return answerUpload(request, url, body, response)
    const id = randomUUID()
    uploads.set(id, Buffer.alloc(0))
    response
      .writeHead(202, { location: locationOf(`/v2/${path}/blobs/uploads/${id}?_state=a%2Fb`, `/uploads/${id}`) })
      .end()
  })

  function grants(granted: string | undefined, path: string, action: string): boolean {
    return (granted ?? '').split(' ').some((scope) => {
      const [, name, actions = ''] = /^repository:(.+):(.+)$/.exec(scope) ?? []
      return name === path && actions.split(',').includes(action)
    })
  }

  /** Where something is that the registry has at one path, and the storage at another. */
  function locationOf(own: string, theirs: string): string {
    if (registry.way === 'at another host') return `http://${storageHost}${theirs}`
    return registry.way === 'by an address' ? `http://${host}${own}` : own
  }

  function answerBlob(request: IncomingMessage, digest: string, response: ServerResponse): void {
    if (!blobs.has(digest)) return void response.writeHead(404).end()
    if (registry.way === 'directly') return sendBlob(request, digest, response)
    const location = registry.blobLocation ?? locationOf(`/elsewhere/${digest}`, `/${digest}`)
    response.writeHead(307, { location }).end()
  }

  function sendBlob(request: IncomingMessage, digest: string, response: ServerResponse): void {
    const content = blobs.get(digest)
    if (!content) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-length': content.length }).end(request.method === 'HEAD' ? '' : content)
  }

  function answerManifest(request: IncomingMessage, name: string, body: Buffer, response: ServerResponse): void {
    if (request.method === 'PUT') {
      manifests.set(name, { type: request.headers['content-type'] ?? '', content: body })
      return void response.writeHead(201).end()
    }
    const found = manifests.get(name)
    if (!found) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': found.type }).end(found.content)
  }

  function answerUpload(request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void {
    const id = url.pathname.split('/').at(-1) ?? ''
    const before = uploads.get(id)
    if (!before) return void response.writeHead(404).end()
    const content = Buffer.concat([before, body])
    if (request.method === 'PATCH') {
      uploads.set(id, content)
      return void response.writeHead(202, { location: `${url.pathname}${url.search}` }).end()
    }
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    if (url.searchParams.get('digest') !== digest) return void response.writeHead(400).end()
    uploads.delete(id)
    blobs.set(digest, content)
    response.writeHead(201).end()
  }

  const registry: TokenRegistry = {
    host,
    seen,
    way: 'directly',
    storageDemand: undefined,
    blobLocation: undefined,
    forgetTokens: () => {
      tokens = new Map()
    },
    close: () => {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
  return registry
}
