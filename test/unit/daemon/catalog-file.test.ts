import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadCatalogFile } from '../../../src/daemon/catalog-file.ts'

/** The names and addresses of a shipped catalogue of two images, with a user's own over it. */
async function load(own: string | undefined): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-catalog-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const files = { shippedPath: join(directory, 'shipped.yaml'), userPath: join(directory, 'own.yaml') }
  await writeFile(files.shippedPath, `images:\n${entry('one', 'shipped')}${entry('two', 'shipped')}`)
  if (own !== undefined) await writeFile(files.userPath, own)
  const { images } = await loadCatalogFile(files)
  return Object.fromEntries(Object.entries(images).map(([name, { url }]) => [name, url]))
}

function entry(name: string, host: string): string {
  return `  ${name}:
    description: An image
    architecture: x86_64
    url: https://${host}/disk.qcow2
    checksums: https://${host}/SHA256SUMS
    loginUser: admin
`
}

const shipped = { one: 'https://shipped/disk.qcow2', two: 'https://shipped/disk.qcow2' }

test.each([undefined, '', '\n'])('is what Kiln comes with when the own file is %j', async (own) => {
  expect(await load(own)).toEqual(shipped)
})

test('the own file adds images and takes the place of those of the same name', async () => {
  expect(await load(`images:\n${entry('two', 'mirror')}${entry('three', 'mirror')}`)).toEqual({
    one: 'https://shipped/disk.qcow2',
    two: 'https://mirror/disk.qcow2',
    three: 'https://mirror/disk.qcow2',
  })
})

test.each([
  ['images:\n  mine: 1\n', /own\.yaml:2:\d+: images\.mine: /],
  ['images:\n  mine:\n   - [', /own\.yaml:\d+:\d+: /],
  ['pictures: {}\n', /own\.yaml:1:1: /],
])('a mistake in the own file is told with its place: %j', async (own, message) => {
  await expect(load(own)).rejects.toThrow(message)
})
