import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { measureClockError } from './fast-launch/clock-error.ts'
import { type WarmImage, warmImage } from './fast-launch/warm-lab.ts'
import { provideImage } from './images.ts'
import { type Lab, labUser, openLab, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

/** A whole Debian takes its time where processors are emulated: the limit only ends a hang. */
const patience = 900_000

const type = 't2.micro'

let lab: Lab
let servers: Servers
let image: WarmImage
let template: string

beforeAll(async () => {
  // More may be promised than the host has: most of the machines do nothing.
  lab = await openLab(labUser, { configuration: 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n' })
  await lab.startDaemon()
  servers = await prepareServers(lab, 'admin')
  image = warmImage(lab, await provideImage(lab, 'debian-12'))
  await image.warm(type)
  template = await image.waitForTemplate(type)
}, 2 * patience)
afterAll(async () => expect(await lab.close()).toEqual([]))

/** Runs once in an instance, and tells by how many lines there are if it does not. */
const userData = (lines: readonly string[] = []) =>
  Buffer.from(['#!/bin/sh', 'cloud-init query instance_id >>/var/lib/user-data-runs', ...lines].join('\n')).toString(
    'base64',
  )

/** What makes a server one of its own: one name or secret a line, in which no two may agree. */
const ownThings = [
  'cat /etc/machine-id',
  'cat /proc/sys/kernel/random/boot_id',
  'hostname',
  'cat /etc/hostname',
  'ls /var/log/journal',
  "ip -o link show | awk '/ether/ { print $2, $17 }'",
  "ip -4 -o addr show scope global | awk '{ print $4 }'",
  'cut -d " " -f 2 /etc/ssh/ssh_host_ed25519_key.pub',
  'head -c 16 /dev/urandom | md5sum',
  'cat /var/lib/cloud/data/instance-id',
  'cat /var/lib/user-data-runs',
  'curl -s -H "X-aws-ec2-metadata-token: $(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token)" http://169.254.169.254/latest/meta-data/instance-id; echo',
] as const

async function readOwn(id: string): Promise<string[]> {
  return (await servers.run(id, ownThings.join('; '))).trim().split('\n')
}

async function launch(count: number, choice?: string): Promise<string[]> {
  return await servers.launch(image.imageId, {
    InstanceType: type,
    MinCount: count,
    MaxCount: count,
    UserData: userData(),
    ...(choice === undefined
      ? {}
      : { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'kiln:fast-launch', Value: choice }] }] }),
  })
}

let clones: string[]
let patient: string
let own: string[][]

test(
  'two Debians go on from one template, and have nothing of their own in common',
  async () => {
    clones = await launch(2)
    ;[patient = ''] = await launch(1, 'wait-for-cloud-init')
    await Promise.all(clones.map((id) => servers.waitForStage(id, 'ssh')))
    for (const id of clones) expect(await image.wayOf(id)).toBe(template)
    const milliseconds = 50
    for (const id of clones) expect(await measureClockError(lab, servers, id, 'admin')).toBeLessThan(milliseconds)
    await Promise.all(clones.map((id) => servers.waitForStage(id, 'cloud-init')))
    own = await Promise.all(clones.map(readOwn))
    expect(own.map(({ length }) => length)).toEqual(clones.map(() => ownThings.length))
    for (const index of ownThings.keys()) expect(new Set(own.map((things) => things[index])).size).toBe(clones.length)
    for (const [index, id] of clones.entries()) {
      const { PrivateIpAddress: address = '', NetworkInterfaces: [nic] = [] } = await servers.describe(id)
      const [machineId, , hostname, written, journal, link, ip, , , cloudInit, ran, told] = own[index] ?? []
      const name = `ip-${address.replaceAll('.', '-')}`
      expect([hostname, written, ip, link?.split(' ')[1]]).toEqual([name, name, `${address}/20`, nic?.MacAddress])
      expect([cloudInit, ran, told, journal]).toEqual([id, id, id, machineId])
    }
  },
  patience,
)

test(
  'a clone is whole: nothing has failed in it, its network is its own service’s, and Instance Connect lets people in',
  async () => {
    const [id = ''] = clones
    const told = await servers.run(
      id,
      'systemctl --failed --no-legend; systemctl is-active cron systemd-timesyncd ssh; networkctl list --no-legend | grep ether; cloud-init status',
    )
    expect(told.trim().split('\n')).toEqual([
      ...['active', 'active', 'active'],
      expect.stringMatching(/routable +configured/),
      'status: done',
    ])
    const guestKey = join(lab.home, 'guest-key')
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', guestKey])
    const address = (await servers.describe(id)).PublicIpAddress ?? ''
    const logIn = async () => await lab.ssh(address, 'admin', guestKey, 'echo in').catch(() => 'refused')
    expect(await logIn()).toBe('refused')
    const publicKey = await readFile(`${guestKey}.pub`, 'utf8')
    await lab.call('SendSSHPublicKey', { InstanceId: id, SSHPublicKey: publicKey, InstanceOSUser: 'admin' })
    expect((await logIn()).trim()).toBe('in')
  },
  patience,
)

test(
  'SSH answers after cloud-init where the launch asks for that',
  async () => {
    await servers.waitForStage(patient, 'ssh')
    expect(await image.wayOf(patient)).toBe(template)
    expect((await servers.run(patient, 'cat /var/lib/user-data-runs; cloud-init status')).trim()).toBe(
      `${patient}\nstatus: done`,
    )
    await lab.call('TerminateInstances', { InstanceIds: [patient] })
  },
  patience,
)

test(
  'a clone that reboots is the same server, and a server of an image that is made of it another one',
  async () => {
    const [id = '', model = ''] = clones
    const { ImageId: childImage = '' } = await lab.call('CreateImage', {
      InstanceId: model,
      Name: 'of-a-clone',
      NoReboot: true,
    })
    await until(
      async () => (await lab.call('DescribeImages', { ImageIds: [childImage] })).Images?.[0]?.State === 'available',
    )
    await lab.call('RebootInstances', { InstanceIds: [id] })
    const [child = ''] = await servers.launch(childImage, { InstanceType: type, UserData: userData() })
    const bootId = async () => (await servers.run(id, 'cat /proc/sys/kernel/random/boot_id')).trim()
    const [machineId, earlier = '', hostname, , , , , hostKey] = own[0] ?? []
    await until(async () => (await bootId().catch(() => earlier)) !== earlier)
    await servers.waitForStage(id, 'cloud-init')
    const again = await readOwn(id)
    expect([again[0], again[2], again[7], again[10]]).toEqual([machineId, hostname, hostKey, id])
    await Promise.all([servers.waitForStage(child, 'cloud-init'), servers.waitForStage(child, 'ssh')])
    const childs = await readOwn(child)
    // What the model's user data has written is in the image, and the child's own has run once.
    expect(childs.slice(-4)).toEqual([child, model, child, child])
    expect(childs.slice(0, 3).filter((thing) => own[1]?.includes(thing))).toEqual([])
    expect(childs).not.toContain(own[1]?.[7])
    await lab.call('TerminateInstances', { InstanceIds: [...clones, child] })
  },
  patience,
)

test(
  'ten Debians of one manifest go on from the template, each as the server that the manifest names',
  async () => {
    const file = join(lab.home, 'lab.yaml')
    const manifest = `
name: ten
images: { debian: { existing: ${image.imageId} } }
keyPairs: { deploy: { type: ed25519 } }
securityGroups: { open: { ingress: [{ ports: 22, from: 0.0.0.0/0 }] } }
instances: { server: { image: debian, type: ${type}, count: 10, keyPair: deploy, securityGroups: [open] } }
`
    await writeFile(file, manifest)
    expect(await lab.kiln('up', '-f', file, '--wait', 'ssh', '--yes')).toMatchObject({ exitCode: 0 })
    const { Reservations: reservations } = await lab.call('DescribeInstances', {
      Filters: [{ Name: 'tag:Name', Values: ['ten-server-*'] }],
    })
    const ids = reservations?.flatMap(({ Instances }) => Instances?.flatMap(({ InstanceId }) => InstanceId ?? []) ?? [])
    expect(ids).toHaveLength(10)
    for (const id of ids ?? []) expect(await image.wayOf(id)).toBe(template)
    const names = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => await lab.kiln('ssh', `ten-server-${index}`, 'hostname')),
    )
    expect(new Set(names.map(({ stdout }) => stdout)).size).toBe(10)
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
    const [id = ''] = await launch(1)
    await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
    expect(await image.wayOf(id)).toBe(early)
    const things = await readOwn(id)
    // It may have the address, and so the name, of one that is gone.
    for (const index of [0, 1, 5, 7, 8]) expect([own[0]?.[index], own[1]?.[index]]).not.toContain(things[index])
    expect(things.slice(9)).toEqual([id, id, id])
    expect(await measureClockError(lab, servers, id, 'admin')).toBeLessThan(50)
  },
  patience,
)
