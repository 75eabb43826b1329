import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { machineFile } from '../../src/host/state-paths.ts'
import { pingGuestAgent } from '../../src/machine/guest-agent.ts'
import { type Identity, identityNames, readIdentity } from './debian/identity.ts'
import { bakeByPacker } from './debian/packer.ts'
import { userData } from './debian/user-data.ts'
import { type Volumes, volumesOf } from './debian/volumes.ts'
import { giveIpv6 } from './dual-stack.ts'
import { measureClockError } from './fast-launch/clock-error.ts'
import { type WarmImage, warmImage } from './fast-launch/warm-lab.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

/** A whole Debian takes its time where processors are emulated, all the more its installation: the limit only ends a hang. */
const patience = 900_000

const type = 't2.micro'
const milliseconds = 50

// A boot of a Debian costs a minute of an emulated processor: all tests share four. A warm template is made of the stock image; of its
// clones two are looked at, one waits for its user data, and one is baked by Packer. A server of that image boots, one of the clones
// boots again, and in the end there is a template of the other depth.
let lab: Lab
let servers: Servers
let image: WarmImage
let template: string
let baking: Promise<string>
let clones: string[]
let patient: string

beforeAll(async () => {
  // More may be promised than the host has: most of the machines do nothing.
  lab = await openLab(labUser, { configuration: 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n' })
  await lab.startDaemon()
  servers = await prepareServers(lab, 'admin')
  image = warmImage(lab, await provideImage(lab, 'debian-12'))
  await image.warm(type)
  template = await image.waitForTemplate(type)
  baking = bakeByPacker(lab, { groupId: servers.groupId, instanceType: type, timeoutMs: 2 * patience })
  // Who waits for it is told.
  baking.catch(() => undefined)
}, 2 * patience)
afterAll(async () => expect(await lab.close()).toEqual([]))

async function launch(count: number, choice?: string): Promise<string[]> {
  return await servers.launch(image.imageId, {
    InstanceType: type,
    MinCount: count,
    MaxCount: count,
    UserData: Buffer.from(userData).toString('base64'),
    ...(choice === undefined
      ? {}
      : { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'kiln:fast-launch', Value: choice }] }] }),
  })
}

/** By the AWS CLI, with a larger disk than the image has and IPv6 addresses. */
async function launchBaked(imageId: string): Promise<string> {
  const file = join(lab.home, 'user-data')
  await writeFile(file, userData)
  const launched = (await lab.aws(
    ...['run-instances', '--image-id', imageId, '--instance-type', type, '--key-name', 'servers'],
    ...['--security-group-ids', servers.groupId, '--user-data', `file://${file}`],
    ...['--subnet-id', await giveIpv6(lab), '--ipv6-address-count', '2'],
    ...['--metadata-options', 'HttpTokens=required,HttpProtocolIpv6=enabled'],
    ...['--block-device-mappings', 'DeviceName=/dev/xvda,Ebs={VolumeSize=10}'],
  )) as { Instances: { InstanceId: string }[] }
  return launched.Instances[0]?.InstanceId ?? ''
}

const waitUntilReady = async (id: string) =>
  await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
/** What went wrong in cloud-init, which has come to its end: by its file, because `cloud-init status` costs a start of Python. */
async function readErrors(id: string): Promise<unknown[]> {
  const result = JSON.parse(await servers.run(id, 'cat /run/cloud-init/result.json')) as { v1: { errors: unknown[] } }
  return result.v1.errors
}
const detailOf = (id: string) => lab.call('KilnDescribeInstance', { InstanceId: id })

/** What the clones have told of themselves. */
let identities: Identity[]
/** A server of the image that Packer has baked. */
let id: string

test(
  'two Debians go on from one template, and have nothing of their own in common',
  async () => {
    clones = await launch(2)
    ;[patient = ''] = await launch(1, 'wait-for-cloud-init')
    await Promise.all(clones.map((clone) => servers.waitForStage(clone, 'ssh')))
    for (const clone of clones) expect(await image.wayOf(clone)).toBe(template)
    for (const clone of clones) {
      expect(await measureClockError(lab, servers, clone, 'admin')).toBeLessThan(milliseconds)
    }
    await Promise.all(clones.map((clone) => servers.waitForStage(clone, 'cloud-init')))
    identities = await Promise.all(clones.map((clone) => readIdentity(servers, clone)))
    for (const name of identityNames) {
      expect(new Set(identities.map((own) => own[name])).size, name).toBe(clones.length)
    }
    for (const [index, clone] of clones.entries()) {
      const { PrivateIpAddress: address = '', NetworkInterfaces: [nic] = [] } = await servers.describe(clone)
      const name = `ip-${address.replaceAll('.', '-')}`
      expect(identities[index]).toMatchObject({
        ...{ hostname: name, writtenHostname: name, address: `${address}/20`, mac: nic?.MacAddress },
        ...{ knownInstanceId: clone, userDataRuns: clone, toldInstanceId: clone },
      })
    }
  },
  patience,
)

test(
  'a clone is whole: nothing has failed in it, its network and journal are its own, and Instance Connect lets people in',
  async () => {
    const [clone = ''] = clones
    const told = await servers.run(
      clone,
      'systemctl --failed --no-legend; systemctl is-active cron systemd-timesyncd ssh; networkctl list --no-legend | grep ether; ls /var/log/journal',
    )
    expect(told.trim().split('\n')).toEqual([
      ...['active', 'active', 'active'],
      expect.stringMatching(/routable +configured/),
      identities[0]?.machineId,
    ])
    expect(await readErrors(clone)).toEqual([])
    const guestKey = join(lab.home, 'guest-key')
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', guestKey])
    const address = (await servers.describe(clone)).PublicIpAddress ?? ''
    const logIn = async () => await lab.ssh(address, 'admin', guestKey, 'echo in').catch(() => 'refused')
    expect(await logIn()).toBe('refused')
    const publicKey = await readFile(`${guestKey}.pub`, 'utf8')
    await lab.call('SendSSHPublicKey', { InstanceId: clone, SSHPublicKey: publicKey, InstanceOSUser: 'admin' })
    expect((await logIn()).trim()).toBe('in')
  },
  patience,
)

test(
  'SSH answers after cloud-init where the launch asks for that',
  async () => {
    await servers.waitForStage(patient, 'ssh')
    expect(await image.wayOf(patient)).toBe(template)
    expect(await readErrors(patient)).toEqual([])
    expect(await servers.run(patient, 'cat /var/lib/user-data-runs')).toBe(patient)
    await lab.call('TerminateInstances', { InstanceIds: [patient] })
  },
  patience,
)

test(
  'Packer bakes an image of a Debian that it launches, configures over SSH and stops',
  async () => {
    const imageId = await baking
    const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
    expect(images?.[0]).toMatchObject({ Name: 'web', Description: 'Baked by Packer', State: 'available' })
    expect(Object.fromEntries(images?.[0]?.Tags?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
      Name: 'web',
      Base: 'debian-12',
    })
    // It boots while the clone of the next test does.
    id = await launchBaked(imageId)
  },
  patience,
)

test(
  'a clone stops by the power button, boots as the server that it was, configured once, and tells of what fails in it',
  async () => {
    const [clone = ''] = clones
    await servers.run(clone, 'echo kept >kept; sync')
    await lab.aws('stop-instances', '--instance-ids', clone)
    await servers.waitForState(clone, 'stopped')
    expect((await servers.describe(clone)).StateReason?.Code).toBe('Client.UserInitiatedShutdown')
    await lab.aws('start-instances', '--instance-ids', clone)
    await waitUntilReady(clone)
    const { bootId: earlier, random: _, ...stays } = identities[0] ?? ({} as Identity)
    const again = await readIdentity(servers, clone)
    expect(again).toMatchObject(stays)
    expect(again.bootId).not.toBe(earlier)
    expect(await servers.run(clone, 'cat kept; cloud-init status || true')).toBe('kept\nstatus: error')
    expect((await detailOf(clone)).Problem).toMatch(/cloud-init.*scripts-per-boot/)
  },
  patience,
)

/** What one login is asked, all at once: where processors are emulated, each login costs seconds, and so does each start of Python. */
const questions = {
  login: 'id -un; cat /run/cloud-init/cloud-id; sudo id -u',
  configured: 'cat /etc/told-by-config',
  baked: 'cat /etc/baked',
  rootKib: 'df --output=size / | tail -n 1',
  cloudInit: 'cloud-init status || true',
  journals: 'ls /var/log/journal',
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

describe('a server of the baked image', () => {
  let told: Awaited<ReturnType<typeof ask>>
  let own: Identity

  test(
    'boots through every stage and lets the key pair in',
    async () => {
      await waitUntilReady(id)
      expect(await image.wayOf(id)).toMatch(/^booted/)
      const { BootStages: stages } = await detailOf(id)
      const at = Object.fromEntries(stages.map(({ Name, Seconds }) => [Name, Seconds ?? Number.NaN]))
      const order = ['disk', 'qemu', 'firmware', 'kernel', 'network', 'metadata', 'cloud-init'].map((name) => at[name])
      expect(order).toEqual(order.toSorted((one = 0, other = 0) => one - other))
      told = await ask()
      own = await readIdentity(servers, id)
    },
    patience,
  )

  test('has admin for its user, the hostname of EC2 and the metadata service of EC2', async () => {
    const { PrivateIpAddress: privateIp = '' } = await servers.describe(id)
    expect(told.login).toBe(['admin', 'aws', '0'].join('\n'))
    expect(own).toMatchObject({ hostname: `ip-${privateIp.replaceAll('.', '-')}`, knownInstanceId: id })
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
    const isWanted = (await detailOf(id)).Accelerator?.Name === 'tcg' && Number(major) < 10
    expect(told.addressRandomization).toBe(isWanted ? '0' : '2')
  })

  test('has what was baked, and applies all parts of the user data', () => {
    expect(told.baked).toBe('baked by packer')
    expect(told.configured).toBe('from cloud-config')
    expect(own.userDataRuns).toBe(id)
  })

  test('is a server of its own, and not the one that it was baked of', () => {
    for (const name of identityNames) expect(identities.map((other) => other[name])).not.toContain(own[name])
    const journals = told.journals.split('\n')
    // Each server of this disk has kept its journal under its own machine-id.
    expect(journals).toContain(own.machineId)
    expect(journals).toHaveLength(2)
  })

  test('grows the root file system to the disk', () => {
    expect(Number(told.rootKib)).toBeGreaterThan(9.5 * 1024 * 1024)
  })

  test('has nothing that failed', async () => {
    expect(told.cloudInit).toBe('status: done')
    expect(told.failedUnits).toBe('')
    expect((await detailOf(id)).Problem).toBeUndefined()
  })

  test('keeps the owners, special bits and capabilities of Debian', () => {
    expect(told.files).toBe(
      ['root:root 755', 'root:shadow 640', 'root:root 4755', 'root:root 1777', '/usr/bin/ping cap_net_raw=ep'].join(
        '\n',
      ),
    )
  })

  test('answers by its guest agent', async () => {
    const { MachineDirectory: directory } = await detailOf(id)
    await until(async () => await pingGuestAgent(join(directory, machineFile.agentSocket), 10_000))
  })

  describe('with a volume of its own', () => {
    let volumes: Volumes
    let data: string

    test(
      'sees it under its serial while it is attached',
      async () => {
        volumes = volumesOf(lab, servers, id)
        data = await volumes.make({ Size: 1 })
        await volumes.attach(data, '/dev/sdf')
        const link = volumes.linkOf(data)
        await servers.run(id, `sudo mkfs.ext4 -q ${link} && sudo mount ${link} /mnt`)
        await servers.run(
          id,
          '(while sleep 0.1; do date | sudo tee -a /mnt/busy; done) >/dev/null 2>&1 </dev/null & echo $! >writer',
        )
        expect(await volumes.needsRecovery(data)).toBe(true)
      },
      patience,
    )

    test(
      'has its file system frozen by the guest agent for the moment of a snapshot',
      async () => {
        const device = '/dev/sdg'
        // An agent that has no processor in time is not waited for: then the snapshot is as after a power cut.
        let copy = await volumes.restoreFromSnapshot(data, device)
        while (await volumes.needsRecovery(copy)) {
          await volumes.remove(copy)
          copy = await volumes.restoreFromSnapshot(data, device)
        }
        const lines = async (path: string) => Number(await servers.run(id, `wc -l <${path}`))
        await servers.run(id, `sudo mkdir -p /media/copy && sudo mount -o ro ${volumes.linkOf(copy)} /media/copy`)
        const then = await lines('/media/copy/busy')
        expect(then).toBeGreaterThan(0)
        // The original was thawed.
        await until(async () => (await lines('/mnt/busy')) > then)
        await servers.run(id, 'sudo umount /media/copy')
        await volumes.remove(copy)
      },
      patience,
    )

    test(
      'lets go of it while it runs',
      async () => {
        await servers.run(id, 'kill $(cat writer); until sudo umount /mnt; do sleep 0.1; done')
        expect(await volumes.needsRecovery(data)).toBe(false)
        await volumes.remove(data)
      },
      patience,
    )
  })
})

test(
  'Debians of one manifest go on from the template, each as the server that the manifest names',
  async () => {
    await lab.call('TerminateInstances', { InstanceIds: [...clones, id] })
    const file = join(lab.home, 'lab.yaml')
    // `npm run bench:launch` does so with ten.
    const count = 3
    const manifest = `
name: several
images: { debian: { existing: ${image.imageId} } }
keyPairs: { deploy: { type: ed25519 } }
securityGroups: { open: { ingress: [{ ports: 22, from: 0.0.0.0/0 }] } }
instances: { server: { image: debian, type: ${type}, count: ${count}, keyPair: deploy, securityGroups: [open] } }
`
    await writeFile(file, manifest)
    expect(await lab.kiln('up', '-f', file, '--wait', 'ssh', '--yes')).toMatchObject({ exitCode: 0 })
    const { Reservations: reservations } = await lab.call('DescribeInstances', {
      Filters: [{ Name: 'tag:Name', Values: ['several-server-*'] }],
    })
    const ids = reservations?.flatMap(({ Instances }) => Instances?.flatMap(({ InstanceId }) => InstanceId ?? []) ?? [])
    expect(ids).toHaveLength(count)
    for (const one of ids ?? []) expect(await image.wayOf(one)).toBe(template)
    const names = await Promise.all(
      Array.from({ length: count }, async (_, index) => await lab.kiln('ssh', `several-server-${index}`, 'hostname')),
    )
    expect(new Set(names.map(({ stdout }) => stdout)).size).toBe(count)
    expect(await lab.kiln('down', '-f', file, '--yes')).toMatchObject({ exitCode: 0 })
  },
  patience,
)

test(
  'held before cloud-init, a clone boots on as any server does',
  async () => {
    await lab.call('KilnWarmImage', { ImageId: image.imageId, InstanceTypes: [type], Depth: 'before-cloud-init' })
    let early = template
    await until(async () => (early = await image.waitForTemplate(type)) !== template)
    const [clone = ''] = await launch(1)
    await waitUntilReady(clone)
    expect(await image.wayOf(clone)).toBe(early)
    const own = await readIdentity(servers, clone)
    // It may have the address, and so the name, of one that is gone.
    for (const name of ['machineId', 'bootId', 'mac', 'hostKey', 'random'] as const) {
      expect(identities.map((other) => other[name])).not.toContain(own[name])
    }
    expect(own).toMatchObject({ knownInstanceId: clone, userDataRuns: clone, toldInstanceId: clone })
    expect(await measureClockError(lab, servers, clone, 'admin')).toBeLessThan(milliseconds)
    await lab.call('TerminateInstances', { InstanceIds: [clone] })
  },
  patience,
)

test(
  'only the images are left when all is terminated and nothing is kept warm',
  async () => {
    await lab.call('DisableFastLaunch', { ImageId: image.imageId })
    const list = async () => {
      const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
      return reservations.flatMap(({ Instances: instances = [] }) => instances.map(({ State }) => State?.Name))
    }
    await until(async () => (await list()).every((state) => state === 'terminated'))
    await until(async () => (await lab.call('DescribeFastLaunchImages', {})).FastLaunchImages?.length === 0)
    expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
    // What had been loaded for the next launch ends with its template.
    for (const room of ['volumes', 'templates']) {
      await until(async () => (await readdir(join(lab.home, room))).length === 0)
    }
    expect((await lab.call('DescribeKeyPairs', {})).KeyPairs?.map(({ KeyName }) => KeyName)).toEqual(['servers'])
    const { SecurityGroups: groups = [] } = await lab.call('DescribeSecurityGroups', {})
    expect(new Set(groups.map(({ GroupName }) => GroupName))).toEqual(new Set(['default', 'servers']))
  },
  patience,
)
