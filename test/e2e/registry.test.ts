import { generateKeyPairSync } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DockerRegistry, startDockerRegistry } from '../integration/oci/docker-registry.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { openRegistryLine, type RegistryLine } from './registry-line.ts'
import { prepareServers } from './servers.ts'

const mib = 1024 ** 2
const [publisherId, userId] = ['111111111111', '222222222222']

let registry: DockerRegistry
let line: RegistryLine
/** Who makes images, and who gets them: two Kilns. */
let publisher: Lab
let user: Lab
let keyFile: string

beforeAll(async () => {
  registry = await startDockerRegistry()
  line = await openRegistryLine(registry.host)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const configuration = (accountId: string) =>
    [`account: { id: '${accountId}' }`, `community: { registry: '${line.host}/shared' }`, ''].join('\n')
  publisher = await openLab(labUser, { configuration: configuration(publisherId) })
  user = await openLab(labUser, {
    configuration: `${configuration(userId)}registries: [{ host: '${line.host}/team', publicKeys: [team.pub], requireSignature: true }]\n`,
  })
  await writeFile(join(user.home, 'team.pub'), publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 })
  keyFile = join(publisher.home, 'team.key')
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o644 })
  await Promise.all([publisher.startDaemon(), user.startDaemon()])
  await provideImage(publisher, 'nano')
})
afterAll(async () => {
  const left = [await publisher.close(), await user.close()]
  line.close()
  await registry.close()
  expect(left).toEqual([[], []])
})

async function largestDownload({ home }: Lab): Promise<number> {
  const downloads = join(home, 'cache', 'downloads')
  const files = await Promise.all((await readdir(downloads)).map((name) => stat(join(downloads, name))))
  return Math.max(0, ...files.map(({ size }) => size))
}
const layersOf = async (lab: Lab) => (await readdir(join(lab.home, 'layers'))).length
const imagesOf = async (lab: Lab) => (await lab.call('DescribeImages', {})).Images ?? []
const reference = (name: string) => `${line.host}/team/${name}`

test('a push and a pull whose daemons are killed leave nothing half, and go on', async () => {
  const held = line.holdNext('PATCH', '/team/nano/', 0)
  const broken = publisher.kiln('image', 'push', 'nano', reference('nano:1'), '--sign-key', keyFile)
  await held
  await publisher.killDaemon()
  expect((await broken).exitCode).not.toBe(0)
  await publisher.startDaemon()
  expect((await user.kiln('image', 'pull', reference('nano:1'))).stderr).toMatch(/\(RegistryImageNotFound\)/)
  const pushed = await publisher.kiln('image', 'push', 'nano', reference('nano:1'), '--sign-key', keyFile)
  expect(pushed).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) })

  const isLarge = line.holdNext('GET', '/team/nano/blobs/', 4 * mib)
  const torn = user.kiln('image', 'pull', reference('nano:1'))
  await isLarge
  // What the line has passed on, the daemon need not have written yet.
  await until(async () => (await largestDownload(user)) > mib)
  await user.killDaemon()
  expect((await torn).exitCode).not.toBe(0)
  await user.startDaemon()
  expect(await imagesOf(user)).toEqual([])
  expect(await layersOf(user)).toBe(0)
  const before = line.starts.length
  expect(await user.kiln('image', 'pull', reference('nano:1'))).toMatchObject({ exitCode: 0 })
  expect(Math.max(...line.starts.slice(before))).toBeGreaterThan(mib)
})

test('an image of a running server moves what differs only, and boots on another Kiln', async () => {
  const servers = await prepareServers(publisher)
  const [server = ''] = await servers.launch((await imagesOf(publisher))[0]?.ImageId ?? '')
  await servers.waitForStage(server, 'ssh')
  await servers.run(server, 'echo baked | sudo tee /etc/kept && sync')
  const { ImageId: childId = '' } = await publisher.call('CreateImage', {
    InstanceId: server,
    Name: 'child',
    NoReboot: true,
  })
  await until(
    async () => (await publisher.call('DescribeImages', { ImageIds: [childId] })).Images?.[0]?.State === 'available',
  )
  const pushed = await publisher.kiln('image', 'push', 'child', reference('child:1'))
  expect(pushed.exitCode).toBe(0)
  const { Tasks: tasks } = await publisher.call('KilnDescribeTasks', {})
  const { MovedBytes: moved = 0, SkippedBytes: skipped = 0 } = tasks.at(-1)?.Transfer ?? {}
  expect(skipped).toBeGreaterThan(8 * mib)
  expect(moved).toBeLessThan(skipped)

  const unsigned = await user.kiln('image', 'pull', reference('child:1'))
  expect(unsigned).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/is not signed.*\(ImageSignatureRequired\)/),
  })
  expect(await publisher.kiln('image', 'sign', reference('child:1'), '--key', keyFile)).toMatchObject({ exitCode: 0 })
  const pulled = await user.kiln('image', 'pull', reference('child:1'))
  expect(pulled).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ami-/) })
  expect(await layersOf(user)).toBe(2)

  const others = await prepareServers(user)
  const [copy = ''] = await others.launch(pulled.stdout)
  await others.waitForStage(copy, 'ssh')
  expect(await others.run(copy, 'cat /etc/kept')).toBe('baked')
})

test('a community image is listed, launched by its name, and is a public AMI of its publisher', async () => {
  expect((await publisher.kiln('image', 'publish', 'child')).stderr).toMatch(
    /block public access.*\(OperationNotPermitted\)/s,
  )
  await publisher.call('DisableImageBlockPublicAccess', {})
  expect(await publisher.kiln('image', 'publish', 'child')).toMatchObject({ exitCode: 0 })
  const found = (await user.kiln('image', 'ls', '--community', 'chi')).stdout
  expect(found).toMatch(new RegExp(`^community/${publisherId}/child +- +- +community `, 'm'))
  const run = await user.kiln('run', 'community/child', '--type', 't3.nano')
  expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^i-/) })
  const { Images: images = [] } = await user.call('DescribeImages', { Owners: [publisherId], ExecutableUsers: ['all'] })
  expect(images.map(({ Name, OwnerId, Public }) => [Name, OwnerId, Public])).toEqual([['child', publisherId, true]])
  const here = (await user.kiln('image', 'ls', '--community')).stdout.trimEnd().split('\n')
  expect(here).toHaveLength(2)
  expect(here[1]).toMatch(new RegExp(`^child +${images[0]?.ImageId} +available +community `))
  // Its layers were here: pulled as another image, and signed.
  expect(await layersOf(user)).toBe(2)

  expect(await publisher.kiln('image', 'unpublish', 'child')).toMatchObject({ exitCode: 0 })
  const communityId = images[0]?.ImageId ?? ''
  expect(await user.kiln('image', 'rm', communityId)).toMatchObject({ exitCode: 0, stdout: communityId })
  expect(new Set((await imagesOf(user)).map(({ Name }) => Name))).toEqual(new Set(['child', 'nano']))
  expect((await user.kiln('image', 'ls', '--community')).stdout).toBe('')
})
