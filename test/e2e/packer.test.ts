import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DebianServer, launchDebian, patience, testDebianServer } from './debian-server.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

/** The guide's own example: what a reader copies is what is tried. */
const template = join(import.meta.dirname, '../../docs/guides/examples/packer/web.json')
/** Where an ordinary user may listen for a server's port 22. */
const sshPort = process.getuid?.() === 0 ? '22' : '10022'

let lab: Lab
let servers: Servers
let imageId: string
let server: DebianServer

beforeAll(async () => {
  lab = await openLab()
  await lab.startDaemon()
  servers = await prepareServers(lab, 'admin')
  await provideImage(lab, 'debian-12')
  imageId = await bake()
  server = await launchDebian(lab, servers, imageId, { hasFailingScript: false })
}, 2 * patience)

afterAll(async () => {
  await lab.close()
})

/** Runs Packer as its user would after `eval "$(kiln env)"`; answers the id of the image. */
async function bake(): Promise<string> {
  const { stdout: variables } = await lab.kiln('env', '--shell', 'json')
  const { stdout } = await execa('packer', ['build', '-machine-readable', '-var', `ssh_port=${sshPort}`, template], {
    env: {
      ...(JSON.parse(variables) as Record<string, string>),
      PATH: '/usr/bin:/bin',
      HOME: lab.home,
      PACKER_CONFIG_DIR: lab.home,
      CHECKPOINT_DISABLE: '1',
      // As often as every two seconds instead of every fifteen.
      AWS_POLL_DELAY_SECONDS: '2',
    },
    extendEnv: false,
    timeout: patience,
  })
  return /,artifact,0,id,us-east-1:(ami-[0-9a-f]{17})$/m.exec(stdout)?.[1] ?? ''
}

test('Packer bakes an image of a Debian that it launches, configures over SSH and stops', async () => {
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  expect(images?.[0]).toMatchObject({ Name: 'web', Description: 'Baked by Packer', State: 'available' })
  expect(Object.fromEntries(images?.[0]?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
    Name: 'web',
    Base: 'debian-12',
  })
})

describe('a server of the baked image', () => {
  testDebianServer(() => server, { hasFailingScript: false })

  test('has what was baked', async () => {
    expect(await servers.run(server.id, 'cat /etc/baked')).toBe('baked by packer')
  })

  test(
    'leaves only the image behind when it is terminated',
    async () => {
      await lab.aws('terminate-instances', '--instance-ids', server.id)
      await servers.waitForState(server.id, 'terminated')
      const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
      const states = reservations.flatMap(({ Instances: instances = [] }) => instances.map(({ State }) => State?.Name))
      expect(states).toEqual(['terminated', 'terminated'])
      expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
      expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
      expect((await lab.call('DescribeKeyPairs', {})).KeyPairs?.map(({ KeyName }) => KeyName)).toEqual(['servers'])
      const { SecurityGroups: groups = [] } = await lab.call('DescribeSecurityGroups', {})
      expect(new Set(groups.map(({ GroupName }) => GroupName))).toEqual(new Set(['default', 'servers']))
    },
    patience,
  )
})
