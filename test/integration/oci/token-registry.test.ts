import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseReference } from '../../../src/ec2/registry/reference.ts'
import { job, openRegistryBench, type RegistryBench, scope } from './registry-bench.ts'
import { startTokenRegistry, type TokenRegistry, type Way } from './token-registry.ts'

const login = { username: 'me', password: 'geheim' }
const basic = `Basic ${Buffer.from('me:geheim').toString('base64')}`
let registry: TokenRegistry

beforeEach(async () => {
  registry = await startTokenRegistry(login)
})
afterEach(() => registry.close())

async function openBench(): Promise<RegistryBench> {
  const bench = await openRegistryBench()
  await bench.work.login(registry.host, login, job().signal)
  return bench
}

const referenceOf = (name: string) => parseReference(`${registry.host}/${name}`)
const push = (bench: RegistryBench, imageId: string, name: string) =>
  bench.work.push(scope, { imageId, reference: referenceOf(name) }, job())
const pull = (bench: RegistryBench, name: string) => bench.work.pull(scope, { reference: referenceOf(name) }, job())

test.each<Way>(['directly', 'by a path', 'by an address', 'at another host'])(
  'pushes to and pulls from a registry that wants tokens and keeps blobs %s',
  async (way) => {
    registry.way = way
    const sender = await openBench()
    const base = await sender.makeImage('base', { randomMib: 2 })
    const { blockDevices } = base
    const fast = { ...blockDevices[0], volumeSizeGib: 8, volumeType: 'gp3', iops: 4000, throughputMibps: 250 }
    sender.store.images.replace({ ...base, blockDevices: [fast as (typeof blockDevices)[number]] })
    await push(sender, base.id, 'team/base:1')
    const child = await sender.makeImage('child', { randomMib: 1, over: base.id })
    expect((await push(sender, child.id, 'team/child:1')).transfer?.movedBytes).toBeGreaterThan(0)

    const receiver = await openBench()
    const { imageId } = await pull(receiver, 'team/base:1')
    expect(await receiver.contentOf(imageId ?? '')).toBe(await sender.contentOf(base.id))
    expect(receiver.findImage(imageId).blockDevices).toMatchObject([
      { volumeType: 'gp3', iops: 4000, throughputMibps: 250 },
    ])

    // The login goes to the token server alone, the token to the registry alone.
    expect(new Set(registry.seen.token.map(({ authorization }) => authorization))).toEqual(new Set([basic]))
    expect(registry.seen.registry.filter(({ authorization }) => authorization === basic)).toEqual([])
    expect(registry.seen.storage.filter(({ authorization }) => authorization !== undefined)).toEqual([])
    const methods = new Set(registry.seen.storage.map(({ method }) => method))
    expect(methods).toEqual(new Set(way === 'at another host' ? ['PATCH', 'PUT', 'HEAD', 'GET'] : []))
  },
)

test('asks for a token once for what it allows, and anew when it is refused', async () => {
  const bench = await openBench()
  const base = await bench.makeImage('base', { randomMib: 1 })
  await push(bench, base.id, 'team/base:1')
  const asked = registry.seen.token.length
  await push(bench, base.id, 'team/base:2')
  expect(registry.seen.token.length).toBe(asked)
  registry.forgetTokens()
  await push(bench, base.id, 'team/base:3')
  expect(registry.seen.token.length).toBe(asked + 1)
  expect(registry.seen.token.at(-1)?.url).toBe(
    '/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull&scope=repository%3Ateam%2Fbase%3Apull%2Cpush',
  )
})

test('a login that the token server does not know is told, and not kept', async () => {
  const bench = await openRegistryBench()
  const wrong = { username: 'me', password: 'wrong' }
  await expect(bench.work.login(registry.host, wrong, job().signal)).rejects.toMatchObject({
    code: 'RegistryAccessDenied',
    message: expect.stringContaining('gives no token (401)'),
  })
  expect(await bench.work.logout(registry.host)).toBe(false)
})

test('gives the login to nobody whom another host names', async () => {
  const sender = await openBench()
  const base = await sender.makeImage('base', { randomMib: 1 })
  registry.way = 'at another host'
  await push(sender, base.id, 'team/base:1')
  const receiver = await openBench()
  registry.storageDemand = `Bearer realm="http://${registry.host}/thief",service="registry"`
  await expect(pull(receiver, 'team/base:1')).rejects.toMatchObject({ code: 'RegistryAccessDenied' })
  expect(registry.seen.registry.filter(({ url }) => url.startsWith('/thief'))).toEqual([])
  expect(await receiver.leftovers()).toEqual({ layers: [], records: 0, images: 0 })
})

test('follows no redirection to less than it speaks to the registry by, and none without end', async () => {
  const sender = await openBench()
  const base = await sender.makeImage('base', { randomMib: 1 })
  registry.way = 'by a path'
  await push(sender, base.id, 'team/base:1')
  const receiver = await openBench()
  for (const [location, message] of [
    ['ftp://127.0.0.1/blob', 'leads to ftp'],
    [
      `/v2/team/base/blobs/${[...registry.seen.registry]
        .find(({ url }) => url.includes('sha256:'))
        ?.url.split('/')
        .at(-1)}`,
      'again and again',
    ],
  ] as const) {
    registry.blobLocation = location
    await expect(pull(receiver, 'team/base:1')).rejects.toMatchObject({
      code: 'RegistryRefused',
      message: expect.stringContaining(message),
    })
  }
})
