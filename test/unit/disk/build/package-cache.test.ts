import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPackageCache, type PackageSet } from '../../../../src/disk/build/package-cache.ts'
import type { Command, ProcessHost } from '../../../../src/host/process.ts'

const set: PackageSet = {
  name: 'nano',
  architecture: 'amd64',
  suite: 'bookworm',
  packages: ['sudo', 'zlib1g'],
  kernelPackage: 'linux-cloud',
}
const options = { signal: new AbortController().signal, onLine: () => undefined }
const names = (paths: readonly string[]) => Promise.resolve(paths.map((path) => basename(path)))

let directory: string
let version: string
let runs: string[]
/** What apt-get download does; replaced by tests of what goes wrong. */
let download: (command: Command, wanted: readonly string[]) => Promise<void>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'package-cache-'))
  version = '1'
  runs = []
  download = async (command, wanted) => {
    for (const name of wanted) await writeFile(join(command.directory ?? '', `${name}_${version}_amd64.deb`), name)
  }
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

/** An apt that has every package in one version. */
const processes: ProcessHost = {
  run: async (command) => {
    const words = command.argv.filter((word, index) => word !== '-o' && command.argv[index - 1] !== '-o')
    runs.push(words.slice(0, 2).join(' '))
    if (words[1] === 'depends') return { stdout: 'linux-cloud\n  Depends: linux-image-6.1-cloud\n', stderr: '' }
    if (words[1] === 'download') await download(command, words.slice(2))
    return { stdout: '', stderr: '' }
  },
  startDetached: () => Promise.reject(new Error('not asked for')),
  startHelper: () => {
    throw new Error('not asked for')
  },
}
const open = (mirror = 'http://mirror.test/debian') => createPackageCache({ processes, directory, mirror })

test("downloads a set, with the kernel of the day, from the configuration's mirror", async () => {
  const files = await open().use(set, options, names)
  expect(files).toEqual(['linux-image-6.1-cloud_1_amd64.deb', 'sudo_1_amd64.deb', 'zlib1g_1_amd64.deb'])
  expect(await readFile(join(directory, 'apt/bookworm-amd64/sources.list'), 'utf8')).toBe(
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=amd64] http://mirror.test/debian bookworm main\n',
  )
})

test('asks the network nothing for a set that is there', async () => {
  await open().use(set, options, names)
  runs = []
  await open().use(set, options, names)
  expect(runs).toEqual([])
})

test.each([
  ['recipe', { ...set, packages: ['sudo', 'zlib1g', 'luajit'] }, undefined],
  ['mirror', set, 'http://other.test/debian'],
])('downloads anew for another %s, and leaves no package of before', async (_what, changed, mirror) => {
  await open().use(set, options, names)
  version = '2'
  const files = await open(mirror).use(changed, options, names)
  expect(files.every((name) => name.endsWith('_2_amd64.deb'))).toBe(true)
  expect(await readdir(join(directory, 'sets/nano-amd64'))).toHaveLength(1)
})

test('keeps nothing of a download that broke off', async () => {
  const whole = download
  download = async (command) => {
    await writeFile(join(command.directory ?? '', 'sudo_1_amd64.deb'), 'su')
    throw new Error('connection lost')
  }
  await expect(open().use(set, options, names)).rejects.toThrow('connection lost')
  expect(await readdir(join(directory, 'sets/nano-amd64'))).toEqual([])
  download = whole
  expect(await open().use(set, options, names)).toHaveLength(3)
})

test('refuses a set that is not whole', async () => {
  download = async (command, wanted) => {
    for (const name of wanted.slice(1)) await writeFile(join(command.directory ?? '', `${name}_1_amd64.deb`), name)
  }
  await expect(open().use(set, options, names)).rejects.toThrow('did not give linux-image-6.1-cloud')
})

test('lets the second of two builds wait for the first, and downloads once', async () => {
  const cache = open()
  const events: string[] = []
  const work = async (paths: readonly string[]) => {
    events.push('begins')
    await new Promise((resolve) => setImmediate(resolve))
    events.push('ends')
    return paths.length
  }
  expect(await Promise.all([cache.use(set, options, work), cache.use(set, options, work)])).toEqual([3, 3])
  expect(events).toEqual(['begins', 'ends', 'begins', 'ends'])
  expect(runs.filter((run) => run === 'apt-get download')).toHaveLength(1)
})
