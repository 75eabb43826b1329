import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DockerRegistry, startDockerRegistry } from '../integration/oci/docker-registry.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

let lab: Lab
let registry: DockerRegistry
let left: string[] | undefined

const app = (registry: string) => `
base: { name: nano }
instanceType: t3.nano
parameters:
  TOKEN: { secret: true, file: token }
components:
  - name: app
    version: 1.0.0
    steps:
      - copy: { from: app.conf, to: /etc/app.conf, mode: "0600" }
      - name: Use the token
        run: |
          echo "the token is $TOKEN"
          head -c 3 /etc/app.conf >/etc/app.head
          echo "built on $(cat /etc/dropbear/*.pub 2>/dev/null; dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh)"
          cat /proc/sys/kernel/random/boot_id >/etc/app.boot
      - reboot: true
      - run: '[ "$(cat /etc/app.boot)" != "$(cat /proc/sys/kernel/random/boot_id)" ]'
tests:
  - name: The files are there
    run: |
      [ "$(cat /etc/app.conf)" = "answer = 42" ]
      [ "$(cat /etc/app.head)" = ans ]
      [ "$(stat -c %a /etc/app.conf)" = 600 ]
      [ "$(grep -c . /home/ec2-user/.ssh/authorized_keys)" = 1 ]
      [ ! -e /run/kiln-pipeline/key ]
      echo "tested on $(dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh)"
image:
  name: app-\${build}
  tags: { Role: "app \${build}" }
distribution:
  regions: [eu-west-1]
  accounts: ["210987654321"]
  registries: [{ image: "${registry}/app:\${build}" }]
retention: { keep: 1 }
schedule: { cron: "* * * * *" }
`

const endless = `
base: { name: nano }
instanceType: t3.nano
components:
  - { name: endless, version: 1.0.0, steps: [{ name: wait, run: sleep 3000 }] }
`

const broken = endless.replace('sleep 3000', "'true'").concat('tests: [{ name: it works, run: echo no; exit 3 }]\n')

beforeAll(async () => {
  registry = await startDockerRegistry()
  lab = await openLab(labUser)
  await lab.startDaemon()
  await provideImage(lab, 'nano')
  const directory = join(lab.home, 'images/pipelines')
  await mkdir(directory, { recursive: true })
  const files = {
    'app.yaml': app(registry.host),
    'app.conf': 'answer = 42',
    token: 'hunter2hunter2\n',
    'endless.yaml': endless,
    'broken.yaml': broken,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  // The daemon makes its own there, too.
  await execa('chown', ['-R', `--reference=${lab.home}`, join(lab.home, 'images')])
  // Else the new files would be seen within a minute; its first time of the schedule would have found no base without the image.
  await lab.kiln('pipeline', 'enable', 'app')
})
afterAll(async () => {
  left ??= await lab.close()
  await registry.close()
})

/** Everything that a build may leave. */
async function resources(): Promise<Record<string, unknown>> {
  const [images, snapshots, volumes, keys, instances] = await Promise.all([
    lab.call('DescribeImages', { Owners: ['self'] }),
    lab.call('DescribeSnapshots', { OwnerIds: ['self'] }),
    lab.call('DescribeVolumes', {}),
    lab.call('DescribeKeyPairs', {}),
    lab.call('DescribeInstances', {}),
  ])
  return {
    images: images.Images?.map(({ ImageId: id }) => id),
    snapshots: snapshots.Snapshots?.map(({ SnapshotId: id }) => id),
    volumes: volumes.Volumes?.map(({ VolumeId: id }) => id),
    keys: keys.KeyPairs?.map(({ KeyName: name }) => name),
    instances: instances.Reservations?.flatMap(({ Instances: list = [] }) => list)
      .filter(({ State: state }) => state?.Name !== 'terminated')
      .map(({ InstanceId: id }) => id),
  }
}

async function layers(): Promise<string[]> {
  return (await readdir(join(lab.home, 'layers'))).toSorted()
}

/** Begins a build that does not end by itself, and waits until its server is there, or in the middle of its step. */
async function beginEndless(phase: 'launched' | 'running'): Promise<string> {
  const { stdout } = await lab.kiln('pipeline', 'build', 'endless', '--detach')
  const find = async () => (await lab.call('KilnDescribePipelineBuilds', { BuildIds: [stdout] })).Builds[0]
  await until(async () =>
    phase === 'launched'
      ? (await find())?.Stage === 'Launching' && JSON.stringify(await resources()).includes('"i-')
      : (await find())?.Stage === 'Running step 1 of 1 "wait"',
  )
  return stdout
}

test('builds by itself at the time of its schedule, reboots, tests and distributes, and masks secrets in its log', async () => {
  const find = async () => (await lab.call('KilnDescribePipelineBuilds', { PipelineName: 'app' })).Builds[0]
  await until(async () => ((await find())?.State ?? 'running') !== 'running')
  const build = await find()
  expect(build).toMatchObject({ State: 'succeeded', Cause: 'schedule', Number: 1 })
  const imageId = build?.ImageId ?? ''
  const { stdout: log } = await lab.kiln('pipeline', 'logs', 'app', '--follow')
  expect(log).toContain('the token is ********')
  expect(log).toMatch(/Running step 3 of 4 "reboot"(.|\n)*Cleaning(.|\n)*Imaging(.|\n)*Testing: 1 of 1(.|\n)*Done/)
  const keyOf = (line: string) => new RegExp(`${line} (ssh-ed25519 \\S+)`).exec(log)?.[1]
  expect(keyOf('tested on')).toBeDefined()
  expect(keyOf('tested on')).not.toBe(keyOf('built on'))
  for (const file of ['kilnd.log', 'kiln.db', 'kiln.db-wal']) {
    expect(await readFile(join(lab.home, file), 'latin1').catch(() => '')).not.toContain('hunter2')
  }

  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  expect(images?.[0]).toMatchObject({ Name: 'app-1', State: 'available' })
  expect(images?.[0]?.Tags).toContainEqual({ Key: 'Role', Value: 'app 1' })
  const { LaunchPermissions: permissions } = await lab.call('DescribeImageAttribute', {
    ImageId: imageId,
    Attribute: 'launchPermission',
  })
  expect(permissions).toEqual([{ UserId: '210987654321' }])
  const { stdout: copies } = await lab.kiln('image', 'ls', '--region', 'eu-west-1', '--output', 'json')
  expect(copies).toContain('"Name": "app-1"')
  expect(await resources()).toMatchObject({ volumes: [], keys: [], instances: [] })
})

test('has published to a registry what another Kiln pulls and boots', async () => {
  const other = await openLab(labUser)
  try {
    await other.startDaemon()
    expect(await other.kiln('image', 'pull', `${registry.host}/app:1`)).toMatchObject({ exitCode: 0 })
    expect(await other.kiln('run', 'app-1', '--name', 'app', '--type', 't3.nano', '--wait', 'ssh')).toMatchObject({
      exitCode: 0,
    })
    expect((await other.kiln('ssh', 'app', 'cat', '/etc/app.head')).stdout).toBe('ans')
  } finally {
    expect(await other.close()).toEqual([])
  }
})

test('builds nothing again of what has not changed', async () => {
  const [{ exitCode, stdout, stderr }, { stdout: history }] = [
    await lab.kiln('pipeline', 'build', 'app', '--set', 'TOKEN=another'),
    await lab.kiln('pipeline', 'history', 'app', '--output', 'json'),
  ]
  expect(exitCode).toBe(0)
  expect(stderr).toContain('Nothing has changed since build 1.')
  const { Builds: builds } = JSON.parse(history) as { Builds: { ImageId: string; State: string }[] }
  expect(builds.map(({ ImageId, State }) => ({ ImageId, State }))).toEqual([{ ImageId: stdout, State: 'succeeded' }])
})

test('leaves nothing of a build whose test has failed', async () => {
  const before = { ...(await resources()), layers: await layers() }
  const { exitCode, stderr } = await lab.kiln('pipeline', 'build', 'broken')
  expect(exitCode).toBe(1)
  expect(stderr).toContain('The step "it works" failed with exit code 3. See: kiln pipeline logs broken 1')
  await until(async () => (await layers()).length === before.layers.length)
  expect({ ...(await resources()), layers: await layers() }).toEqual(before)
})

test('prepares no image of a server without systemd for warm templates, says why, and leaves nothing', async () => {
  const before = { ...(await resources()), layers: await layers() }
  const { exitCode, stderr } = await lab.kiln('image', 'prepare', 'nano')
  expect(exitCode).toBe(1)
  expect(stderr).toContain(
    'The step "Install the guest part" failed with exit code 1: kiln: this image cannot be made a warm template of: it has no systemd.',
  )
  const [, name = ''] = /See: kiln pipeline logs (prepare-ami-\w+) 1/.exec(stderr) ?? []
  expect((await lab.kiln('pipeline', 'logs', name)).stdout).toContain('it has no systemd')
  await until(async () => (await layers()).length === before.layers.length)
  expect({ ...(await resources()), layers: await layers() }).toEqual(before)
})

test('leaves nothing of a build that is cancelled, nor of one that a crash of the daemon interrupts', async () => {
  const before = await resources()
  const cancelled = await beginEndless('launched')
  expect((await lab.kiln('pipeline', 'build', 'endless')).stderr).toContain('Build 1 of endless is running')
  expect((await lab.kiln('pipeline', 'cancel', 'endless')).stdout).toBe('Build 1 of endless is cancelled.')
  expect(await resources()).toEqual(before)

  const interrupted = await beginEndless('running')
  await lab.killDaemon()
  await lab.startDaemon()
  await until(async () => JSON.stringify(await resources()) === JSON.stringify(before))
  const { Builds: builds } = await lab.call('KilnDescribePipelineBuilds', { PipelineName: 'endless' })
  expect(builds).toMatchObject([
    { BuildId: interrupted, Number: 2, State: 'failed', Error: { Code: 'Server.Interrupted' } },
    { BuildId: cancelled, Number: 1, State: 'cancelled' },
  ])
})

test('leaves no process and no half-made file', async () => {
  left = await lab.close()
  expect(left).toEqual([])
})
