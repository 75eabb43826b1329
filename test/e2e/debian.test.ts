import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProcesses } from '../../src/host/process-table.ts'
import { machineFile } from '../../src/host/state-paths.ts'
import { pingGuestAgent } from '../../src/machine/guest-agent.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

/** A Debian server of a daemon that a user runs. */
interface Host {
  readonly lab: Lab
  readonly servers: Servers
  readonly id: string
}

/** A whole Debian takes its time where processors are emulated, all the more its installation: the limit only ends a hang. */
const patience = 900_000

const users = process.getuid?.() === 0 ? [undefined, ordinaryUser] : [undefined]
/** One of the servers gets a script that fails, to see who is told of it. */
const userWithFailingScript = users.at(-1)
/** Whose daemon has Packer bake an image. */
const packerUser = users[0]
/** Where an ordinary user may listen for a server's port 22. */
const sshPort = process.getuid?.() === 0 ? '22' : '10022'
const packerTemplate = join(import.meta.dirname, '../../docs/guides/examples/packer/web.json')
const hosts = new Map<string | undefined, Host>()

const userDataOf = (user: string | undefined) => `Content-Type: multipart/mixed; boundary="part"
MIME-Version: 1.0

--part
Content-Type: text/cloud-config

#cloud-config
write_files:
  - path: /etc/told-by-config
    content: from cloud-config
--part
Content-Type: text/x-shellscript

#!/bin/sh
echo ran >>/var/lib/told-by-script
--part
Content-Type: text/x-shellscript

#!/bin/sh
exit ${user === userWithFailingScript ? 3 : 0}
--part--
`

beforeAll(async () => {
  // All boot at the same time: what is launched first waits for nobody.
  for (const user of users) {
    const lab = await openLab(user)
    await lab.startDaemon()
    const imageId = await provideImage(lab, 'debian-12')
    const servers = await prepareServers(lab, 'admin')
    const userData = join(lab.home, 'user-data')
    await writeFile(userData, userDataOf(user))
    const launched = (await lab.aws(
      ...['run-instances', '--image-id', imageId, '--instance-type', 't3.micro', '--key-name', 'servers'],
      ...['--security-group-ids', servers.groupId, '--user-data', `file://${userData}`],
      ...['--metadata-options', 'HttpTokens=required'],
      ...['--block-device-mappings', 'DeviceName=/dev/xvda,Ebs={VolumeSize=10}'],
    )) as { Instances: { InstanceId: string }[] }
    hosts.set(user, { lab, servers, id: launched.Instances[0]?.InstanceId ?? '' })
  }
}, 2 * patience)

afterAll(async () => {
  for (const { lab } of hosts.values()) await lab.close()
})

describe.each(users)('a stock Debian of the daemon run by %s (none: whoever runs the tests)', (user) => {
  const host = () => {
    const found = hosts.get(user)
    if (!found) throw new Error('nothing was launched')
    return found
  }
  const run = (command: string) => host().servers.run(host().id, command)
  const detail = () => host().lab.call('KilnDescribeInstance', { InstanceId: host().id })

  test(
    'boots through every stage',
    async () => {
      const { servers, id } = host()
      await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
      const { BootStages: stages } = await detail()
      const at = Object.fromEntries(stages.map(({ Name, Seconds }) => [Name, Seconds ?? Number.NaN]))
      const order = ['disk', 'qemu', 'firmware', 'kernel', 'network', 'metadata', 'cloud-init'].map((name) => at[name])
      expect(order).toEqual(order.toSorted((one = 0, other = 0) => one - other))
    },
    patience,
  )

  test('lets the key pair in as admin, with the hostname and by the metadata service of EC2', async () => {
    const { PrivateIpAddress: privateIp = '' } = await host().servers.describe(host().id)
    expect(await run('id -un; hostname; cloud-id; cloud-init query instance_id; sudo id -u')).toBe(
      ['admin', `ip-${privateIp.replaceAll('.', '-')}`, 'aws', host().id, '0'].join('\n'),
    )
  })

  test('applies all parts of the user data', async () => {
    expect(await run('cat /etc/told-by-config; echo; cat /var/lib/told-by-script')).toBe('from cloud-config\nran')
  })

  test('grows the root file system to the disk', async () => {
    const kib = Number(await run('df --output=size / | tail -n 1'))
    expect(kib).toBeGreaterThan(9.5 * 1024 * 1024)
  })

  test('tells of what has failed in the guest, and only of that', async () => {
    const status = await run('cloud-init status || true')
    const { Problem: problem } = await detail()
    if (user === userWithFailingScript) {
      expect(status).toBe('status: error')
      expect(problem).toMatch(/cloud-init.*scripts-user/)
    } else {
      expect(status).toBe('status: done')
      expect(problem).toBeUndefined()
      expect(await run('systemctl --failed --no-legend')).toBe('')
    }
  })

  test('keeps the owners, special bits and capabilities of Debian', async () => {
    expect(await run("stat -c '%U:%G %a' / /etc/shadow /usr/bin/sudo /tmp; /sbin/getcap /usr/bin/ping")).toBe(
      ['root:root 755', 'root:shadow 640', 'root:root 4755', 'root:root 1777', '/usr/bin/ping cap_net_raw=ep'].join(
        '\n',
      ),
    )
  })

  test('answers by its guest agent', async () => {
    const { MachineDirectory: directory } = await detail()
    await until(async () => await pingGuestAgent(join(directory, machineFile.agentSocket), 10_000))
  })

  // One way is tried for each: Packer stops its server by the power button too, and its image is what a start is with a new identity.
  const testStart = () =>
    test(
      'stops by the power button and starts with what it had, configured once',
      async () => {
        const { lab, servers, id } = host()
        await run('echo kept >kept; sync')
        await lab.aws('stop-instances', '--instance-ids', id)
        await servers.waitForState(id, 'stopped')
        expect((await servers.describe(id)).StateReason?.Code).toBe('Client.UserInitiatedShutdown')
        await lab.aws('start-instances', '--instance-ids', id)
        await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
        expect(await run('cat kept; cat /var/lib/told-by-script')).toBe('kept\nran')
      },
      patience,
    )

  const testPacker = () =>
    test(
      'is the base of an image that Packer bakes, and that boots',
      async () => {
        const { lab, servers } = host()
        const { stdout } = await lab.kiln('env', '--shell', 'json')
        const baking = await execa(
          'packer',
          ['build', '-machine-readable', '-var', `ssh_port=${sshPort}`, packerTemplate],
          {
            env: {
              ...(JSON.parse(stdout) as Record<string, string>),
              PATH: '/usr/bin:/bin',
              HOME: lab.home,
              PACKER_CONFIG_DIR: lab.home,
              CHECKPOINT_DISABLE: '1',
            },
            extendEnv: false,
            timeout: patience,
          },
        )
        const imageId = /,artifact,0,id,us-east-1:(ami-[0-9a-f]{17})$/m.exec(baking.stdout)?.[1] ?? ''
        const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
        expect(images?.[0]).toMatchObject({ Name: 'web', Description: 'Baked by Packer', State: 'available' })
        expect(Object.fromEntries(images?.[0]?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
          Name: 'web',
          Base: 'debian-12',
        })
        const [bakedId = ''] = await servers.launch(imageId, { InstanceType: 't3.micro' })
        await Promise.all([servers.waitForStage(bakedId, 'cloud-init'), servers.waitForStage(bakedId, 'ssh')])
        expect(
          await servers.run(bakedId, 'cat /etc/baked; cloud-init query instance_id; test ! -e /etc/told-by-config'),
        ).toBe(`baked by packer\n${bakedId}`)
        await lab.aws('terminate-instances', '--instance-ids', bakedId)
        await servers.waitForState(bakedId, 'terminated')
      },
      patience,
    )

  if (user === packerUser) testPacker()
  else testStart()

  test(
    'leaves nothing behind when it is terminated',
    async () => {
      const { lab, servers, id } = host()
      await lab.aws('terminate-instances', '--instance-ids', id)
      await servers.waitForState(id, 'terminated')
      expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
      expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
    },
    patience,
  )
})

describe('a build that does not come to its end', () => {
  const user = users.at(-1)
  const lab = () => {
    const found = hosts.get(user)?.lab
    if (!found) throw new Error('there is no daemon')
    return found
  }

  /** Begins a build and waits until packages are being installed in its room. */
  async function beginBuild(): Promise<string> {
    const { TaskId: taskId } = await lab().call('KilnBuildImage', { Recipe: 'debian-12', Name: 'unfinished' })
    await until(async () => {
      const { Tasks: tasks } = await lab().call('KilnDescribeTasks', { TaskIds: [taskId] })
      if (tasks[0]?.State !== 'running') throw new Error(`the build ended: ${tasks[0]?.Error?.Message}`)
      return (await findBuilders()).length > 0 && tasks[0].Detail !== undefined
    })
    return taskId
  }
  const findBuilders = () =>
    findProcesses((argv) => argv.some((argument) => argument.includes(join(lab().home, 'staging'))))
  const findFiles = () => readdir(join(lab().home, 'staging'))

  test(
    'leaves no process and no file when it is cancelled',
    async () => {
      const taskId = await beginBuild()
      const { Task: task } = await lab().call('KilnCancelTask', { TaskId: taskId })
      expect(task.State).toBe('cancelled')
      expect(await findBuilders()).toEqual([])
      expect(await findFiles()).toEqual([])
    },
    patience,
  )

  test(
    'leaves no process and no file when the daemon is killed',
    async () => {
      await beginBuild()
      await lab().killDaemon()
      await until(async () => (await findBuilders()).length === 0)
      await lab().startDaemon()
      expect(await findFiles()).toEqual([])
    },
    patience,
  )
})
