import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** What becomes of a request for a disk after so many bytes of it. */
interface Mishap {
  readonly afterBytes: number
  readonly ending: 'break off' | 'hold'
}

/** Who publishes disk images on 127.0.0.1, each with its list of checksums, and has an accident when told to. */
export interface Publisher {
  /** `catalog.yaml` with the images `small` (the disk), `packed` (the disk in gzip) and `wrong` (the disk, with another's digest). */
  readonly catalog: string
  /** Requests for disks so far: the image, and where in it they began. */
  readonly requests: { image: string; start: number }[]
  /** The next requests for disks end so; later ones are answered in full. */
  plan(...mishaps: Mishap[]): void
  close(): void
}

export async function startPublisher(disk: Buffer): Promise<Publisher> {
  const packed = gzipSync(disk, { level: 1 })
  const files: Record<string, { content: Buffer; sha256: string }> = {
    small: { content: disk, sha256: digestOf(disk) },
    packed: { content: packed, sha256: digestOf(packed) },
    wrong: { content: disk, sha256: digestOf(Buffer.from('another file')) },
  }
  const requests: { image: string; start: number }[] = []
  const planned: Mishap[] = []
  const server = createServer((request, response) => {
    const [, image = '', name] = (request.url ?? '').split('/')
    const file = files[image]
    if (!file) response.writeHead(404).end()
    else if (name === 'SHA256SUMS') response.end(`${file.sha256}  disk.qcow2\n`)
    else {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      requests.push({ image, start })
      answer(response, file.content, start, planned.shift())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const entries = Object.keys(files).map((name) => [
    `  ${name}:`,
    `    description: The image ${name}`,
    `    architecture: x86_64`,
    `    url: ${base}/${name}/disk.qcow2`,
    `    checksums: ${base}/${name}/SHA256SUMS`,
    `    loginUser: ec2-user`,
  ])
  return {
    catalog: ['images:', ...entries.flat(), ''].join('\n'),
    requests,
    plan: (...mishaps) => planned.push(...mishaps),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answer(response: ServerResponse, content: Buffer, start: number, mishap: Mishap | undefined): void {
  const range = `bytes ${start}-${content.length - 1}/${content.length}`
  response.writeHead(start > 0 ? 206 : 200, {
    etag: '"one"',
    'content-length': content.length - start,
    ...(start > 0 ? { 'content-range': range } : {}),
  })
  if (!mishap) response.end(content.subarray(start))
  else {
    response.write(content.subarray(start, start + mishap.afterBytes), () => {
      // Time for the client to take what is in the socket: a reset would throw it away.
      if (mishap.ending === 'break off') setTimeout(() => response.destroy(), 200)
    })
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
