import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Configuration, loadConfiguration } from '../../../src/daemon/configuration.ts'

const configDirectory = join(import.meta.dirname, '../../../config')
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-configuration-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function load(text: string): Promise<Configuration> {
  const userPath = join(directory, 'config.yaml')
  await writeFile(userPath, text)
  return await loadConfiguration({ configDirectory, userPath })
}

/** The message of the refusal, the directory left out. */
async function refusalOf(text: string): Promise<string> {
  const error: unknown = await load(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof Error ? error.message.replaceAll(`${directory}/`, '') : 'it was accepted'
}

test('takes the defaults when there is no file', async () => {
  const { account } = await loadConfiguration({ configDirectory, userPath: join(directory, 'absent.yaml') })
  expect(account).toEqual({ id: '123456789012', defaultRegion: 'us-east-1' })
})

test('takes the defaults when everything in the file is commented out', async () => {
  expect((await load('# endpoint:\n#   port: 1\n')).endpoint.port).toBe(8773)
})

test('puts the keys of the file over the defaults, one by one', async () => {
  const { endpoint } = await load('endpoint:\n  port: 9000\n')
  expect(endpoint).toEqual({ address: '127.0.0.1', port: 9000 })
})

test('names file, line, column and key of every mistake, in their order', async () => {
  const text = `
account:
  id: 123456789012
  defaultRegion: us-east
capacity:
  memoryOvercomit: 2
  vCpuOvercommit: many
  colour: red
endpoint: {port: 70000, address: 127.0.0.256}
network:
  publicCidr: 127.255.0.0/16
loging: {level: info}
`
  expect(await refusalOf(text)).toMatchInlineSnapshot(`
    "config.yaml:3:7: account.id: expected twelve digits in quotes
    config.yaml:4:18: account.defaultRegion: expected a region of EC2, such as us-east-1
    config.yaml:6:3: capacity.memoryOvercomit: there is no such key; did you mean memoryOvercommit?
    config.yaml:7:19: capacity.vCpuOvercommit: Invalid input: expected number, received string
    config.yaml:8:3: capacity.colour: there is no such key
    config.yaml:9:18: endpoint.port: Too big: expected number to be <=65535
    config.yaml:9:34: endpoint.address: expected an IPv4 address
    config.yaml:11:15: network.publicCidr: expected one of 127.80.0.0/16 to 127.254.0.0/16
    config.yaml:12:1: loging: there is no such key"
  `)
})

test('names the line of what is not YAML', async () => {
  expect(await refusalOf('log:\n  level: [info\n')).toMatch(/^config\.yaml:3:1: Flow sequence/)
})

test('refuses a key that is there twice', async () => {
  expect(await refusalOf('log:\n  level: info\n  level: warn\n')).toMatch(/^config\.yaml:3:3: Map keys must be unique/)
})

test('refuses a file that is no mapping', async () => {
  expect(await refusalOf('- log\n')).toMatch(/^config\.yaml:1:1: document: /)
})

test('takes buckets by name, each either a directory or a store', async () => {
  const text = `
buckets:
  backups: {directory: /srv/backups}
  archive: {endpoint: 'https://s3.example.org', region: eu-west-1, accounts: ['210987654321']}
`
  expect((await load(text)).buckets).toEqual({
    backups: { directory: '/srv/backups' },
    archive: { endpoint: 'https://s3.example.org', region: 'eu-west-1', accounts: ['210987654321'] },
  })
  const wrong = `
buckets:
  both: {directory: /srv, endpoint: 'https://s3.example.org'}
  neither: {}
  odd: {directory: /srv, region: eu-west-1}
  relative: {directory: srv, pathstyle: true}
`
  expect(await refusalOf(wrong)).toMatchInlineSnapshot(`
    "config.yaml:3:9: buckets.both: expected either directory or endpoint
    config.yaml:4:12: buckets.neither: expected either directory or endpoint
    config.yaml:5:8: buckets.odd: region, bucket and pathStyle go with endpoint
    config.yaml:6:25: buckets.relative.directory: expected an absolute path
    config.yaml:6:30: buckets.relative.pathstyle: there is no such key; did you mean pathStyle?"
  `)
})
