import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { parseYamlFile } from '../../../src/daemon/yaml-file.ts'
import { catalogFileSchema, createCatalog } from '../../../src/disk/catalog.ts'
import { systemClock } from '../../../src/host/clock.ts'

const path = 'images/catalog.yaml'
const instantClock = { ...systemClock, sleep: async () => undefined }
const { signal } = new AbortController()
const digest = 'ab'.repeat(32)

async function shippedCatalog() {
  const file = parseYamlFile(await readFile(path, 'utf8'), path, catalogFileSchema)
  return createCatalog({ clock: instantClock, file })
}

/** A catalogue of one image, served by a publisher that answers each request by the next of `answers`. */
async function publishedBy(answers: { status: number; body: string }[], url = '/images/disk-*.qcow2') {
  let asked = 0
  const server = createServer((_request, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? { status: 404, body: '' }
    response.writeHead(answer.status).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const entry = {
    description: 'A test image',
    architecture: 'x86_64' as const,
    url: `${base}${url}`,
    checksums: `${base}/images/SHA256SUMS`,
    loginUser: 'tester',
  }
  const catalog = createCatalog({ clock: instantClock, file: { images: { test: entry } } })
  return { base, catalog }
}

test('the shipped catalogue has the images that the guides name', async () => {
  const catalog = await shippedCatalog()
  expect(
    catalog.list().map(({ name, architecture, loginUser }) => `${name} ${architecture} ${loginUser}`),
  ).toMatchInlineSnapshot(`
    [
      "debian-12 x86_64 debian",
      "debian-12-arm64 arm64 debian",
      "debian-13 x86_64 debian",
      "debian-13-arm64 arm64 debian",
      "ubuntu-22.04 x86_64 ubuntu",
      "ubuntu-22.04-arm64 arm64 ubuntu",
      "ubuntu-24.04 x86_64 ubuntu",
      "ubuntu-24.04-arm64 arm64 ubuntu",
      "fedora-44 x86_64 fedora",
      "fedora-44-arm64 arm64 fedora",
      "alpine-3.22 x86_64 alpine",
      "alpine-3.22-arm64 arm64 alpine",
      "rocky-9 x86_64 rocky",
      "rocky-9-arm64 arm64 rocky",
      "opensuse-leap-15.6 x86_64 opensuse",
      "opensuse-leap-15.6-arm64 arm64 opensuse",
      "arch x86_64 arch",
      "amazon-linux-2023 x86_64 ec2-user",
      "amazon-linux-2023-arm64 arm64 ec2-user",
    ]
  `)
})

test('the guide names every shipped image with its login, and no other', async () => {
  const guide = await readFile('docs/guides/images.md', 'utf8')
  const rows = [...guide.matchAll(/^\| ((?:`[a-z0-9.-]+`(?:, )?)+) \| `([a-z0-9-]+)` \| [^|]+ \|$/gm)]
  const told = rows.flatMap(([, names = '', login]) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} ${login}`),
  )
  const catalog = await shippedCatalog()
  const shipped = catalog.list().map(({ name, loginUser }) => `${name.replace(/-arm64$/, '')} ${loginUser}`)
  expect(told).toEqual([...new Set(shipped)])
  const x86Only = catalog.list().filter(({ name }) => !catalog.list().some((other) => other.name === `${name}-arm64`))
  expect(x86Only.map(({ name }) => name).filter((name) => !name.endsWith('-arm64'))).toEqual(['arch'])
})

test('every shipped image comes over https', async () => {
  const catalog = await shippedCatalog()
  expect(catalog.list().filter(({ url }) => !url.startsWith('https://'))).toEqual([])
})

test('a mistake in the catalogue is told with file, line and key', () => {
  const text = [
    'images:',
    '  mine:',
    '    description: Mine',
    '    architecture: sparc',
    '    url: ftp://example.org/disk.qcow2',
    '    checksums: https://example.org/SHA256SUMS',
    '    loginUser: me',
    '    sha256: abc',
  ].join('\n')
  expect(() => parseYamlFile(text, 'catalog.yaml', catalogFileSchema)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigurationError: catalog.yaml:4:19: images.mine.architecture: Invalid option: expected one of "x86_64"|"i386"|"arm64"
    catalog.yaml:5:10: images.mine.url: must be an http or https URL
    catalog.yaml:8:5: images.mine.sha256: there is no such key]
  `)
})

test("finds the newest image and its digest in the publisher's list", async () => {
  const { base, catalog } = await publishedBy([
    { status: 200, body: `${'cd'.repeat(32)}  disk-9.qcow2\n${digest}  disk-10.qcow2\n` },
  ])
  expect(await catalog.locate('test', signal)).toMatchObject({
    url: `${base}/images/disk-10.qcow2`,
    checksum: { algorithm: 'sha256', value: digest },
  })
})

test('asks again when the publisher has a bad moment', async () => {
  const { catalog } = await publishedBy([
    { status: 503, body: 'busy' },
    { status: 200, body: `${digest}  disk-1.qcow2` },
  ])
  expect((await catalog.locate('test', signal)).checksum.value).toBe(digest)
})

test('a list that does not name the image is refused', async () => {
  const { base, catalog } = await publishedBy([{ status: 200, body: `${digest}  other.qcow2` }])
  await expect(catalog.locate('test', signal)).rejects.toMatchObject({
    code: 'DownloadFailed',
    message: `${base}/images/SHA256SUMS has no checksum for disk-*.qcow2`,
  })
})

test('a list that is gone is told with its address', async () => {
  const { base, catalog } = await publishedBy([{ status: 404, body: '' }])
  await expect(catalog.locate('test', signal)).rejects.toMatchObject({
    code: 'DownloadFailed',
    message: `The checksum list ${base}/images/SHA256SUMS could not be downloaded: the server answered 404`,
  })
})

test('a name in the list cannot lead out of the directory', async () => {
  const { base, catalog } = await publishedBy([{ status: 200, body: `${digest}  disk-/../../evil.qcow2?x=.qcow2` }])
  await expect(catalog.locate('test', signal)).rejects.toMatchObject({
    message: `${base}/images/SHA256SUMS has no checksum for disk-*.qcow2`,
  })
})

test('an unknown name is refused with the names there are', async () => {
  const { catalog } = await publishedBy([])
  await expect(catalog.locate('../etc', signal)).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: 'Value (../etc) for parameter CatalogName is invalid. The catalogue has test.',
  })
})
