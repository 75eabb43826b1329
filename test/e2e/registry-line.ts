import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A line to a registry on which requests can be held: between its clients and it. */
export interface RegistryLine {
  /** As clients name the registry. */
  readonly host: string
  /**
   * An answer to a request of that method, with this in its address, that is so long gets no further than so many bytes, and the one after
   * it passes; of 0 bytes, not even its head. Resolves when it is held, with what lets it go on.
   */
  holdNext(method: string, part: string, afterBytes: number): Promise<() => void>
  /** Starts of the parts of blobs that were asked for. */
  readonly starts: number[]
  close(): void
}

export async function openRegistryLine(registryHost: string): Promise<RegistryLine> {
  const [hostname, port] = registryHost.split(':')
  const starts: number[] = []
  let held: { method: string; part: string; afterBytes: number; isThere: (goOn: () => void) => void } | undefined
  const server = createServer((incoming, answer) => {
    const { method = 'GET', url = '', headers } = incoming
    if (method === 'GET' && url.includes('/blobs/'))
      starts.push(Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0))
    const passed = request({ hostname, port, method, path: url, headers }, (response) => {
      const isMeant =
        held?.method === method &&
        url.includes(held.part) &&
        Number(response.headers['content-length'] ?? 0) >= held.afterBytes
      const hold = isMeant ? held : undefined
      if (hold) held = undefined
      if (hold?.afterBytes === 0) return void response.resume().once('end', () => hold.isThere(() => undefined))
      answer.writeHead(response.statusCode ?? 502, response.headers)
      if (!hold) return void response.pipe(answer)
      let passedBytes = 0
      response.on('data', (chunk: Buffer) => {
        answer.write(chunk)
        const wasShort = passedBytes < hold.afterBytes
        passedBytes += chunk.length
        if (!wasShort || passedBytes < hold.afterBytes) return
        response.pause()
        hold.isThere(() => response.resume())
      })
      response.on('end', () => answer.end())
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdNext: (method, part, afterBytes) =>
      new Promise<() => void>((resolve) => {
        held = { method, part, afterBytes, isThere: resolve }
      }),
    starts,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
