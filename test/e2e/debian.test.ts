import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProcesses } from '../../src/host/process-table.ts'
import { machineFile } from '../../src/host/state-paths.ts'
import { pingGuestAgent } from '../../src/machine/guest-agent.ts'
import { giveIpv6 } from './dual-stack.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

/** A whole Debian takes its time where processors are emulated, all the more its installation: the limit only ends a hang. */
const patience = 900_000

/** The guide's own example: what a reader copies is what is tried. */
const template = join(import.meta.dirname, '../../docs/guides/examples/packer/web.json')

// Of all that one Debian can tell: a boot costs minutes. Packer launches a stock one and bakes an image of it, whose server is looked at.
let lab: Lab
let servers: Servers
let imageId: string
/** A server of the baked image. */
let id: string

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  servers = await prepareServers(lab, 'admin')
  await provideImage(lab, 'debian-12')
  imageId = await bake()
  id = await launch()
}, 3 * patience)

afterAll(async () => {
  await lab.close()
})

/** Runs Packer as its user would after `eval "$(kiln env)"`; answers the id of the image. */
async function bake(): Promise<string> {
  const { stdout: variables } = await lab.kiln('env', '--shell', 'json')
  const lowestPort = Number(await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  // As the guide says for an ordinary user.
  const port = lowestPort > 22 ? ['-var', 'ssh_port=10022', '-var', `group=${servers.groupId}`] : []
  const { stdout } = await execa('packer', ['build', '-machine-readable', ...port, template], {
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
    timeout: 2 * patience,
  })
  return /,artifact,0,id,us-east-1:(ami-[0-9a-f]{17})$/m.exec(stdout)?.[1] ?? ''
}

const userDataText = `Content-Type: multipart/mixed; boundary="part"
MIME-Version: 1.0

--part
Content-Type: text/cloud-config

#cloud-config
# An RSA key takes an emulated processor long.
ssh_genkeytypes: [ed25519]
write_files:
  - path: /etc/told-by-config
    content: from cloud-config
  - path: /var/lib/cloud/scripts/per-boot/once
    permissions: '0755'
    content: |
      #!/bin/sh
      # Fails at each boot but the first.
      [ ! -e /var/lib/has-booted ] || exit 3
      touch /var/lib/has-booted
--part
Content-Type: text/x-shellscript

#!/bin/sh
echo ran >>/var/lib/told-by-script
--part--
`

/** By the AWS CLI, with user data of several parts, a larger disk than the image has and IPv6 addresses. */
async function launch(): Promise<string> {
  const userData = join(lab.home, 'user-data')
  await writeFile(userData, userDataText)
  const launched = (await lab.aws(
    ...['run-instances', '--image-id', imageId, '--instance-type', 't2.micro', '--key-name', 'servers'],
    ...['--security-group-ids', servers.groupId, '--user-data', `file://${userData}`],
    ...['--subnet-id', await giveIpv6(lab), '--ipv6-address-count', '2'],
    ...['--metadata-options', 'HttpTokens=required,HttpProtocolIpv6=enabled'],
    ...['--block-device-mappings', 'DeviceName=/dev/xvda,Ebs={VolumeSize=10}'],
  )) as { Instances: { InstanceId: string }[] }
  return launched.Instances[0]?.InstanceId ?? ''
}

const detail = () => lab.call('KilnDescribeInstance', { InstanceId: id })

/** What one login is asked, all at once: where processors are emulated, each login costs seconds, and so does each start of Python. */
const questions = {
  login: 'id -un; hostname; cat /run/cloud-init/cloud-id; cat /var/lib/cloud/data/instance-id; sudo id -u',
  userData: 'cat /etc/told-by-config; echo; cat /var/lib/told-by-script',
  baked: 'cat /etc/baked',
  rootKib: 'df --output=size / | tail -n 1',
  cloudInit: 'cloud-init status || true',
  machine: 'cat /etc/machine-id; ls /var/log/journal',
  ipv6: "ip -6 -o addr show scope global | awk '{ print $4 }'; ip -6 route show default",
  ipv6Metadata: "curl -s -o /dev/null -w '%{http_code}' 'http://[fd00:ec2::254]/latest/meta-data/'",
  time: 'timedatectl show-timesync --property=ServerAddress --value; ls /run/systemd/timesync',
  addressRandomization: 'cat /proc/sys/kernel/randomize_va_space',
  failedUnits: 'systemctl --failed --no-legend',
  files: "stat -c '%U:%G %a' / /etc/shadow /usr/bin/sudo /tmp; /sbin/getcap /usr/bin/ping",
} as const
const separator = '-- the next answer --'

async function ask(): Promise<Record<keyof typeof questions, string>> {
  const answers = (await servers.run(id, Object.values(questions).join(`; echo '${separator}'; `))).split(separator)
  const told = Object.keys(questions).map((name, index) => [name, answers[index]?.trim() ?? ''])
  return Object.fromEntries(told) as Record<keyof typeof questions, string>
}

test('Packer bakes an image of a Debian that it launches, configures over SSH and stops', async () => {
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  expect(images?.[0]).toMatchObject({ Name: 'web', Description: 'Baked by Packer', State: 'available' })
  expect(Object.fromEntries(images?.[0]?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
    Name: 'web',
    Base: 'debian-12',
  })
})

describe('a Debian of an ordinary user', () => {
  let told: Awaited<ReturnType<typeof ask>>

  test(
    'boots through every stage and lets the key pair in',
    async () => {
      await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
      const { BootStages: stages } = await detail()
      const at = Object.fromEntries(stages.map(({ Name, Seconds }) => [Name, Seconds ?? Number.NaN]))
      const order = ['disk', 'qemu', 'firmware', 'kernel', 'network', 'metadata', 'cloud-init'].map((name) => at[name])
      expect(order).toEqual(order.toSorted((one = 0, other = 0) => one - other))
      told = await ask()
    },
    patience,
  )

  test('has admin for its user, the hostname of EC2 and the metadata service of EC2', async () => {
    const { PrivateIpAddress: privateIp = '' } = await servers.describe(id)
    expect(told.login).toBe(['admin', `ip-${privateIp.replaceAll('.', '-')}`, 'aws', id, '0'].join('\n'))
  })

  test('has all of its IPv6 addresses, a way out and the metadata service by them', async () => {
    const { NetworkInterfaces: interfaces } = await servers.describe(id)
    const addresses = interfaces?.[0]?.Ipv6Addresses?.map(({ Ipv6Address: one }) => `${one}/128`) ?? []
    const lines = told.ipv6.split('\n')
    expect(lines.filter((line) => line.includes('/')).toSorted()).toEqual(addresses.toSorted())
    expect(lines.at(-1)).toMatch(/^default via fe80::1 dev \w+ proto ra /)
    expect(told.ipv6Metadata).toBe('401')
  })

  test('has set its clock by the time service', () => {
    expect(told.time).toBe('169.254.169.123\nsynchronized')
  })

  test('places programs at fixed addresses where its processors are emulated, as this QEMU wants it', async () => {
    const [major] = /(?<=version )\d+/.exec((await execa('qemu-system-x86_64', ['--version'])).stdout) ?? []
    const isWanted = (await detail()).Accelerator?.Name === 'tcg' && Number(major) < 10
    expect(told.addressRandomization).toBe(isWanted ? '0' : '2')
  })

  test('has what was baked, and applies all parts of the user data', () => {
    expect(told.baked).toBe('baked by packer')
    expect(told.userData).toBe('from cloud-config\nran')
  })

  test('has a machine-id of its own, not that of the server that it was baked of', () => {
    const [own = '', ...journals] = told.machine.split('\n')
    expect(own).toMatch(/^[0-9a-f]{32}$/)
    // Each server of this disk has kept its journal under its own.
    expect(journals).toContain(own)
    expect(journals).toHaveLength(2)
  })

  test('grows the root file system to the disk', () => {
    expect(Number(told.rootKib)).toBeGreaterThan(9.5 * 1024 * 1024)
  })

  test('has nothing that failed', async () => {
    expect(told.cloudInit).toBe('status: done')
    expect(told.failedUnits).toBe('')
    expect((await detail()).Problem).toBeUndefined()
  })

  test('keeps the owners, special bits and capabilities of Debian', () => {
    expect(told.files).toBe(
      ['root:root 755', 'root:shadow 640', 'root:root 4755', 'root:root 1777', '/usr/bin/ping cap_net_raw=ep'].join(
        '\n',
      ),
    )
  })

  test('answers by its guest agent', async () => {
    const { MachineDirectory: directory } = await detail()
    await until(async () => await pingGuestAgent(join(directory, machineFile.agentSocket), 10_000))
  })

  describe('with a volume of its own', () => {
    const linkOf = (volumeId: string) => `/dev/disk/by-id/virtio-${volumeId.replace('-', '')}`
    const findLink = async (volumeId: string) => await servers.run(id, `ls ${linkOf(volumeId)} 2>/dev/null || true`)
    /** Of the file system: whether its journal is to be replayed before it is whole. */
    const needsRecovery = async (volumeId: string) =>
      (await servers.run(id, `sudo dumpe2fs -h ${linkOf(volumeId)} 2>/dev/null`)).includes('needs_recovery')
    const waitForVolume = async (volumeId: string) =>
      await until(async () => {
        const { Volumes: found } = await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })
        return found?.[0]?.State === 'available'
      })
    let data: string

    async function makeVolume(from: { Size: number } | { SnapshotId: string }): Promise<string> {
      const zone = (await servers.describe(id)).Placement?.AvailabilityZone ?? ''
      const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, ...from })
      await waitForVolume(volumeId)
      return volumeId
    }

    async function attach(volumeId: string, device: string): Promise<void> {
      await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: id, Device: device })
      await until(async () => (await findLink(volumeId)) !== '')
    }

    async function remove(volumeId: string): Promise<void> {
      await lab.call('DetachVolume', { VolumeId: volumeId })
      await waitForVolume(volumeId)
      expect(await findLink(volumeId)).toBe('')
      await lab.call('DeleteVolume', { VolumeId: volumeId })
    }

    /** A volume made of a snapshot that is taken now, attached. */
    async function restoreFromSnapshot(): Promise<string> {
      const { SnapshotId: snapshotId = '' } = await lab.call('CreateSnapshot', { VolumeId: data })
      await until(async () => {
        const { Snapshots: found } = await lab.call('DescribeSnapshots', { SnapshotIds: [snapshotId] })
        return found?.[0]?.State === 'completed'
      })
      const volumeId = await makeVolume({ SnapshotId: snapshotId })
      await lab.call('DeleteSnapshot', { SnapshotId: snapshotId })
      await attach(volumeId, '/dev/sdg')
      return volumeId
    }

    test(
      'sees it under its serial while it is attached',
      async () => {
        data = await makeVolume({ Size: 1 })
        await attach(data, '/dev/sdf')
        await servers.run(id, `sudo mkfs.ext4 -q ${linkOf(data)} && sudo mount ${linkOf(data)} /mnt`)
        await servers.run(
          id,
          '(while sleep 0.1; do date | sudo tee -a /mnt/busy; done) >/dev/null 2>&1 </dev/null & echo $! >writer',
        )
        expect(await needsRecovery(data)).toBe(true)
      },
      patience,
    )

    test(
      'has its file system frozen by the guest agent for the moment of a snapshot',
      async () => {
        // An agent that has no processor in time is not waited for: then the snapshot is as after a power cut.
        let copy = await restoreFromSnapshot()
        while (await needsRecovery(copy)) {
          await remove(copy)
          copy = await restoreFromSnapshot()
        }
        const lines = async (path: string) => Number(await servers.run(id, `wc -l <${path}`))
        await servers.run(id, `sudo mkdir -p /media/copy && sudo mount -o ro ${linkOf(copy)} /media/copy`)
        const then = await lines('/media/copy/busy')
        expect(then).toBeGreaterThan(0)
        // The original was thawed.
        await until(async () => (await lines('/mnt/busy')) > then)
        await servers.run(id, 'sudo umount /media/copy')
        await remove(copy)
      },
      patience,
    )

    test(
      'lets go of it while it runs',
      async () => {
        await servers.run(id, 'kill $(cat writer); until sudo umount /mnt; do sleep 0.1; done')
        expect(await needsRecovery(data)).toBe(false)
        await remove(data)
      },
      patience,
    )
  })

  test(
    'stops by the power button, starts with what it had, configured once, and tells of what fails in it',
    async () => {
      await servers.run(id, 'echo kept >kept; sync')
      await lab.aws('stop-instances', '--instance-ids', id)
      await servers.waitForState(id, 'stopped')
      expect((await servers.describe(id)).StateReason?.Code).toBe('Client.UserInitiatedShutdown')
      await lab.aws('start-instances', '--instance-ids', id)
      await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
      expect(await servers.run(id, 'cat kept; cat /var/lib/told-by-script; cloud-init status || true')).toBe(
        'kept\nran\nstatus: error',
      )
      expect((await detail()).Problem).toMatch(/cloud-init.*scripts-per-boot/)
    },
    patience,
  )

  test(
    'leaves only the image behind when it is terminated',
    async () => {
      await lab.aws('terminate-instances', '--instance-ids', id)
      await servers.waitForState(id, 'terminated')
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

describe('a build that does not come to its end', () => {
  /** Begins a build and waits until packages are being installed in its room. */
  async function beginBuild(): Promise<string> {
    const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'debian-12', Name: 'unfinished' })
    await until(async () => {
      const { Tasks: tasks } = await lab.call('KilnDescribeTasks', { TaskIds: [taskId] })
      if (tasks[0]?.State !== 'running') throw new Error(`the build ended: ${tasks[0]?.Error?.Message}`)
      return (await findBuilders()).length > 0 && tasks[0].Detail !== undefined
    })
    return taskId
  }
  const findBuilders = () =>
    findProcesses((argv) => argv.some((argument) => argument.includes(join(lab.home, 'staging'))))
  const findFiles = () => readdir(join(lab.home, 'staging'))

  test(
    'leaves no process and no file when it is cancelled',
    async () => {
      const taskId = await beginBuild()
      const { Task: task } = await lab.call('KilnCancelTask', { TaskId: taskId })
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
      await lab.killDaemon()
      await until(async () => (await findBuilders()).length === 0)
      await lab.startDaemon()
      expect(await findFiles()).toEqual([])
    },
    patience,
  )
})
