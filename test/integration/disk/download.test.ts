import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { download } from '../../../src/disk/download.ts'
import type { Checksum } from '../../../src/ec2/ports/disk.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { mib, quietWork } from './disk-lab.ts'
import { breakOffAfter, serve, startUnreliableServer } from './unreliable-server.ts'

const content = randomBytes(300_000)
const later = randomBytes(300_000)
const etag = '"one"'

function digestOf(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Checksum {
  return { algorithm, value: createHash(algorithm).update(bytes).digest('hex') }
}

async function createDownloadLab() {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-download-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const destination = join(directory, 'disk.qcow2')
  const pauses: number[] = []
  const clock = {
    ...systemClock,
    sleep: async (ms: number) => {
      pauses.push(ms)
    },
  }
  const work = quietWork()
  return {
    destination,
    pauses,
    work,
    get: (url: string, checksum?: Checksum, limits: { maximumBytes?: number; stallTimeoutMs?: number } = {}) =>
      download({ clock, maximumBytes: mib, ...limits }, url, destination, checksum, work),
    read: () => readFile(destination),
    list: async () => (await readdir(directory)).sort(),
  }
}

test.each(['sha256', 'sha512'] as const)('a file whose %s digest is right is there alone', async (algorithm) => {
  const lab = await createDownloadLab()
  const { url } = await startUnreliableServer([serve(content, etag)])
  await lab.get(url, digestOf(content, algorithm))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(await lab.list()).toEqual(['disk.qcow2'])
  expect(lab.work.told.filter(({ stage }) => stage === 'Downloading').at(-1)).toEqual({
    stage: 'Downloading',
    doneBytes: content.length,
    totalBytes: content.length,
  })
})

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
  expect(await lab.list()).toEqual(['disk.qcow2.part', 'disk.qcow2.part.validator'])
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(ranges.at(-1)).toBe('bytes=100000-')
  expect(await lab.list()).toEqual(['disk.qcow2'])
})

test('a file that had come whole before a crash is not downloaded again', async () => {
  const lab = await createDownloadLab()
  await writeFile(`${lab.destination}.part`, content)
  await writeFile(`${lab.destination}.part.validator`, etag)
  const { url, ranges } = await startUnreliableServer([serve(content, etag)])
  await lab.get(url, digestOf(content))
  expect((await lab.read()).equals(content)).toBe(true)
  expect(ranges).toEqual(['bytes=300000-'])
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
  expect(await lab.list()).toEqual([])
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
  expect(await lab.list()).not.toContain('disk.qcow2')
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
  expect(await lab.list()).toEqual([])
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
  expect(await lab.list()).not.toContain('disk.qcow2')
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
  const controller = new AbortController()
  const { url } = await startUnreliableServer([
    (_request, response) => {
      response.writeHead(200, { etag, 'content-length': content.length }).write(content.subarray(0, 100_000))
    },
  ])
  const work = { signal: controller.signal, onProgress: () => controller.abort() }
  const dependencies = { clock: systemClock, maximumBytes: mib }
  await expect(download(dependencies, url, lab.destination, undefined, work)).rejects.toThrow(/abort/i)
  expect(await lab.list()).toEqual(['disk.qcow2.part', 'disk.qcow2.part.validator'])
})
