import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import fsExtra from 'fs-extra'
import { createDownloadCache } from '../../../src/disk/download-cache.ts'
import { Ec2Error } from '../../../src/ec2/errors.ts'
import type { Checksum } from '../../../src/ec2/ports/disk.ts'
import type { WorkOptions } from '../../../src/ec2/ports/work.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { mib, quietWork } from './disk-lab.ts'
import { breakOffAfter, rangeStart, serve, startUnreliableServer } from './unreliable-server.ts'

const content = randomBytes(300_000)
const later = randomBytes(300_000)
const etag = '"one"'

function digestOf(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Checksum {
  return { algorithm, value: createHash(algorithm).update(bytes).digest('hex') }
}

interface GetOptions {
  maximumBytes?: number
  reservedBytes?: number
  stallTimeoutMs?: number
  work?: WorkOptions
  /** Instead of keeping the file. */
  use?: (path: string) => Promise<unknown>
}

async function createDownloadLab() {
  const root = await mkdtemp(join(tmpdir(), 'kiln-download-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const directory = join(root, 'downloads')
  const result = join(root, 'disk.qcow2')
  const pauses: number[] = []
  const clock = {
    ...systemClock,
    sleep: async (ms: number) => {
      pauses.push(ms)
    },
  }
  const work = quietWork()
  const cacheOf = (limits: GetOptions = {}) =>
    createDownloadCache({ clock, directory, maximumBytes: mib, reservedBytes: 0, ...limits })
  const shared = cacheOf()
  return {
    directory,
    pauses,
    work,
    shared,
    /** Downloads as a daemon of its own would, that knows nothing but what is on disk. */
    get: (url: string, checksum?: Checksum, options: GetOptions = {}) =>
      cacheOf(options).use(url, options.work ?? work, async (fetch) => {
        const path = await fetch(checksum)
        await (options.use ?? ((file) => copyFile(file, result)))(path)
      }),
    read: () => readFile(result),
    hasResult: () => fsExtra.pathExists(result),
    /** What is kept for a later try, without the part of the names that stands for the address. */
    kept: async () => {
      if (!(await fsExtra.pathExists(directory))) return []
      return (await readdir(directory)).map((name) => name.replace(/^[0-9a-f]{16}-/, '')).sort()
    },
  }
}

const partial = ['disk.qcow2.part', 'disk.qcow2.part.validator']

test.each(['sha256', 'sha512'] as const)(
  'hands over a file whose %s digest is right, and keeps nothing',
  async (algorithm) => {
    const lab = await createDownloadLab()
    const { url } = await startUnreliableServer([serve(content, etag)])
    await lab.get(url, digestOf(content, algorithm))
    expect((await lab.read()).equals(content)).toBe(true)
    expect(await lab.kept()).toEqual([])
    expect(lab.work.told.filter(({ stage }) => stage === 'Downloading').at(-1)).toEqual({
      stage: 'Downloading',
      doneBytes: content.length,
      totalBytes: content.length,
    })
  },
)

test('follows redirects', async () => {
  const lab = await createDownloadLab()
  const { url: mirror } = await startUnreliableServer([serve(content, etag)])
  const { url } = await startUnreliableServer([
    (_request, response) => response.writeHead(302, { location: mirror }).end(),
  ])
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
})

test('goes on where a server broke off, again and again', async () => {
  const lab = await createDownloadLab()
  const broken = breakOffAfter(100_000, content, etag)
  const { url, ranges } = await startUnreliableServer([broken, broken, serve(content, etag)])
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
  expect(lab.pauses).toEqual([500, 1000])
})

test('a later call goes on from what an earlier one left', async () => {
  const lab = await createDownloadLab()
  const { url, ranges } = await startUnreliableServer([
    breakOffAfter(100_000, content, etag),
    ...Array.from({ length: 4 }, () => breakOffAfter(0, content, etag)),
    serve(content, etag),
  ])
  await expect(lab.get(url, digestOf(content))).rejects.toMatchObject({ code: 'DownloadFailed' })
  expect(await lab.kept()).toEqual(partial)
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(ranges.at(-1)).toBe('bytes=100000-')
  expect(await lab.kept()).toEqual([])
})

test('a file that had come whole, but was not yet made use of, is not downloaded again', async () => {
  const lab = await createDownloadLab()
  const { url, ranges } = await startUnreliableServer([serve(content, etag)])
  const interrupted = lab.get(url, digestOf(content), { use: async () => Promise.reject(new Error('the daemon ends')) })
  await expect(interrupted).rejects.toThrow('the daemon ends')
  expect(await lab.kept()).toEqual(partial)
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(ranges).toEqual([undefined, 'bytes=300000-'])
  expect(await lab.kept()).toEqual([])
})

test('a file that turns out to be no disk is not kept', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([serve(content, etag)])
  const refused = lab.get(url, undefined, { use: async () => Promise.reject(new Ec2Error('InvalidDiskImage', 'no')) })
  await expect(refused).rejects.toMatchObject({ code: 'InvalidDiskImage' })
  expect(await lab.kept()).toEqual([])
})

test('files of the same name from other addresses are kept apart', async () => {
  const lab = await createDownloadLab()
  const one = await startUnreliableServer([breakOffAfter(100_000, content, etag)])
  const other = await startUnreliableServer([serve(later, etag)])
  await expect(lab.get(one.url, undefined, { stallTimeoutMs: 300, work: abortAfter(100_000) })).rejects.toThrow()
  await lab.get(other.url, digestOf(later))
  expect((await lab.read()).equals(later)).toBe(true)
  expect(other.ranges).toEqual([undefined])
  expect(await lab.kept()).toEqual(partial)
})

test('of two downloads of one file at once the second waits for the first', async () => {
  const lab = await createDownloadLab()
  const { url, ranges } = await startUnreliableServer([serve(content, etag)])
  const told: string[] = []
  let isFirstDone = false
  const first = lab.shared.use(url, quietWork(), async (fetch) => {
    const bytes = await readFile(await fetch(digestOf(content)))
    isFirstDone = true
    return bytes
  })
  const work = { signal: new AbortController().signal, onProgress: ({ stage }: { stage: string }) => told.push(stage) }
  const second = lab.shared.use(url, work, async () => isFirstDone)
  expect(await second).toBe(true)
  expect((await first).equals(content)).toBe(true)
  expect(told).toEqual(['Waiting for another download of the same file'])
  expect(ranges).toEqual([undefined])
})

test('a download that waits for another can be cancelled', async () => {
  const lab = await createDownloadLab()
  const controller = new AbortController()
  const url = 'http://127.0.0.1:1/disk.qcow2'
  let finishFirst: (() => void) | undefined
  const first = lab.shared.use(url, quietWork(), () => new Promise<void>((resolve) => (finishFirst = resolve)))
  const second = lab.shared.use(url, { signal: controller.signal, onProgress: () => undefined }, async () => 'second')
  const third = lab.shared.use(url, quietWork(), async () => 'third')
  controller.abort()
  await expect(second).rejects.toThrow(/abort/i)
  finishFirst?.()
  await first
  expect(await third).toBe('third')
})

test('what nobody has gone on with for a week is deleted', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([breakOffAfter(100_000, content, etag)])
  await expect(lab.get(url, undefined, { work: abortAfter(100_000) })).rejects.toThrow()
  await lab.shared.removeForgotten()
  expect(await lab.kept()).toEqual(partial)
  const longAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000)
  for (const name of await readdir(lab.directory)) await utimes(join(lab.directory, name), longAgo, longAgo)
  await lab.shared.removeForgotten()
  expect(await lab.kept()).toEqual([])
})

describe('begins again when', () => {
  test('the server does not know ranges', async () => {
    const lab = await createDownloadLab()
    const { url } = await startUnreliableServer([
      breakOffAfter(100_000, content, etag),
      (_request, response) => response.writeHead(200, { etag, 'content-length': content.length }).end(content),
    ])
    await lab.get(url, digestOf(content))
    expect((await lab.read()).equals(content)).toBe(true)
  })

  test('the file has changed meanwhile', async () => {
    const lab = await createDownloadLab()
    const { url } = await startUnreliableServer([breakOffAfter(100_000, content, etag), serve(later, '"two"')])
    await lab.get(url, digestOf(later))
    expect((await lab.read()).equals(later)).toBe(true)
  })

  test('the file has changed and the server disregards If-Range', async () => {
    const lab = await createDownloadLab()
    const { url, ranges } = await startUnreliableServer([
      breakOffAfter(100_000, content, etag),
      breakOffAfter(200_000, later, '"two"'),
      serve(later, '"two"'),
    ])
    await lab.get(url, digestOf(later))
    expect((await lab.read()).equals(later)).toBe(true)
    expect(ranges).toEqual([undefined, 'bytes=100000-', undefined])
  })

  test('the server sends another range than was asked for', async () => {
    const lab = await createDownloadLab()
    const { url } = await startUnreliableServer([
      breakOffAfter(100_000, content, etag),
      (_request, response) =>
        response
          .writeHead(206, { etag, 'content-range': `bytes 0-${content.length - 1}/${content.length}` })
          .end(content),
      serve(content, etag),
    ])
    await lab.get(url, digestOf(content))
    expect((await lab.read()).equals(content)).toBe(true)
  })

  test('the server gave nothing to tell versions apart', async () => {
    const lab = await createDownloadLab()
    const { url, ranges } = await startUnreliableServer([
      breakOffAfter(100_000, content, 'W/"weak"'),
      serve(content, 'W/"weak"'),
    ])
    await lab.get(url, digestOf(content))
    expect((await lab.read()).equals(content)).toBe(true)
    expect(ranges).toEqual([undefined, undefined])
  })
})

describe('when another mirror has the rest, of the same date', () => {
  const date = 'Wed, 25 Nov 2026 01:02:03 GMT'
  const mirror = (own: string, afterBytes: number) => (request: IncomingMessage, response: ServerResponse) => {
    const start = request.headers['if-range'] === date ? (rangeStart(request) ?? 0) : 0
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
    const headers = { etag: own, 'last-modified': date, 'content-length': content.length - start }
    response.writeHead(start > 0 ? 206 : 200, start > 0 ? { ...headers, ...range } : headers)
    response.write(content.subarray(start, start + afterBytes), () => {
      setTimeout(() => response.destroy(), 50)
    })
  }

  test('goes on there if a digest will prove the file', async () => {
    const lab = await createDownloadLab()
    const { url, ranges } = await startUnreliableServer([mirror('"one"', 100_000), mirror('"two"', 200_000)])
    await lab.get(url, digestOf(content))
    expect((await lab.read()).equals(content)).toBe(true)
    expect(ranges).toEqual([undefined, 'bytes=100000-'])
  })

  test('begins again if nothing will', async () => {
    const lab = await createDownloadLab()
    const { url } = await startUnreliableServer([mirror('"one"', 100_000), mirror('"two"', 300_000)])
    await lab.get(url)
    expect((await lab.read()).equals(content)).toBe(true)
  })
})

test('tries again when the server has a bad moment', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([
    (_request, response) => response.writeHead(503).end('busy'),
    (_request, response) => response.writeHead(429).end('slower'),
    serve(content, etag),
  ])
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
})

test('a server that falls silent is asked again', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([
    (_request, response) => {
      response.writeHead(200, { etag, 'content-length': content.length }).write(content.subarray(0, 1000))
    },
    serve(content, etag),
  ])
  await lab.get(url, digestOf(content), { stallTimeoutMs: 300 })
  expect((await lab.read()).equals(content)).toBe(true)
})

test('a wrong digest keeps nothing and names both', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([serve(later, etag)])
  await expect(lab.get(url, digestOf(content))).rejects.toMatchObject({
    name: 'Ec2Error',
    code: 'ChecksumMismatch',
    message: `${url} does not have the expected sha256 digest: expected ${digestOf(content).value}, found ${digestOf(later).value}. Nothing was kept.`,
  })
  expect(await lab.hasResult()).toBe(false)
  expect(await lab.kept()).toEqual([])
})

test('a server that announces more than it has is given up', async () => {
  const lab = await createDownloadLab()
  const { url, ranges } = await startUnreliableServer([
    (_request, response) => {
      response.writeHead(200, { 'content-length': content.length + 1 }).write(content, () => {
        response.destroy()
      })
    },
  ])
  await expect(lab.get(url, digestOf(content))).rejects.toMatchObject({ code: 'DownloadFailed' })
  expect(ranges).toHaveLength(5)
  expect(await lab.hasResult()).toBe(false)
})

test('a server that announces less than it sends is caught by the digest', async () => {
  const lab = await createDownloadLab()
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n`)
      socket.end(content)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.qcow2`
  await expect(lab.get(url, digestOf(content))).rejects.toMatchObject({ code: 'ChecksumMismatch' })
  expect(await lab.hasResult()).toBe(false)
  expect(await lab.kept()).toEqual([])
})

test.each(['with its length announced', 'without'])('a file over the limit is refused, %s', async (how) => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([
    (_request, response) => {
      if (how === 'without') response.write(content.subarray(0, 1000))
      else response.setHeader('content-length', content.length)
      response.end(how === 'without' ? content.subarray(1000) : content)
    },
  ])
  await expect(lab.get(url, undefined, { maximumBytes: 200_000 })).rejects.toMatchObject({
    code: 'DownloadFailed',
    message: expect.stringContaining('is longer than the 200000 bytes'),
  })
  expect(await lab.hasResult()).toBe(false)
})

test('a missing file is told at once', async () => {
  const lab = await createDownloadLab()
  const { url, ranges } = await startUnreliableServer([(_request, response) => response.writeHead(404).end()])
  await expect(lab.get(url)).rejects.toMatchObject({ code: 'DownloadFailed', message: `${url} answered 404 Not Found` })
  expect(ranges).toHaveLength(1)
})

test('a server that is not there is told with the reason', async () => {
  const lab = await createDownloadLab()
  await expect(lab.get('http://127.0.0.1:1/disk.qcow2')).rejects.toMatchObject({
    code: 'DownloadFailed',
    message: expect.stringMatching(/127\.0\.0\.1:1.*(ECONNREFUSED|bad port)/),
  })
})

test('a cancelled download keeps what has come', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([
    (_request, response) => {
      response.writeHead(200, { etag, 'content-length': content.length }).write(content.subarray(0, 100_000))
    },
  ])
  await expect(lab.get(url, undefined, { work: abortAfter(1) })).rejects.toThrow(/abort/i)
  expect(await lab.kept()).toEqual(partial)
})

test('a compressed answer is taken for what it is in plain, and begun again when it breaks off', async () => {
  const lab = await createDownloadLab()
  const body = gzipSync(content)
  const compressed = { etag, 'content-encoding': 'gzip', 'content-length': body.length }
  const { url, ranges } = await startUnreliableServer([
    (_request, response) => {
      response.writeHead(200, compressed).write(body.subarray(0, 100_000), () => {
        setTimeout(() => response.destroy(), 50)
      })
    },
    (_request, response) => response.writeHead(200, compressed).end(body),
  ])
  await lab.get(url, digestOf(content))
  expect(ranges).toEqual([undefined, undefined])
  expect((await lab.read()).equals(content)).toBe(true)
})

test('a file that the disk has no space for is refused before it comes, in numbers', async () => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([serve(content, etag)])
  await expect(lab.get(url, digestOf(content), { reservedBytes: 2 ** 60 })).rejects.toMatchObject({
    code: 'InsufficientDiskSpace',
    message: expect.stringMatching(
      /^There is not enough disk space: the download of http\S+ needs 1 MiB, 1,099,511,627,776 MiB are to stay free, and \S+ has [\d,]+ MiB\./,
    ),
  })
  expect(await lab.hasResult()).toBe(false)
})

test('an address with a password in it is refused without telling it', async () => {
  const lab = await createDownloadLab()
  await expect(lab.get('http://me:secret@127.0.0.1:1/disk.qcow2')).rejects.toMatchObject({
    code: 'DownloadFailed',
    message: expect.not.stringContaining('secret'),
  })
})

/** Work that is cancelled as soon as so many bytes have come. */
function abortAfter(bytes: number): WorkOptions {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    onProgress: ({ doneBytes = 0 }) => {
      if (doneBytes >= bytes) controller.abort()
    },
  }
}
