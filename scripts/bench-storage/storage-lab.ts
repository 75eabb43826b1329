import { createReadStream } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { execa } from 'execa'
import { waitForImage } from '../../test/e2e/images.ts'
import { type Lab, openLab, until } from '../../test/e2e/lab.ts'
import { prepareServers, type Servers } from '../../test/e2e/servers.ts'

/** A daemon with nano and what all measurements of storage do with it. */
export interface StorageLab {
  readonly lab: Lab
  readonly servers: Servers
  readonly nanoId: string
  readonly zone: string
  /** Launches a nano with a root volume of that size and waits until it can be logged in to. */
  readonly launchNano: (rootGib: number) => Promise<string>
  readonly terminate: (ids: readonly string[]) => Promise<void>
  /** The lines that a command in a server prints, as they come; ends with the command. */
  readonly follow: (id: string, command: string) => Promise<Interface>
  /** Asks again at once until it holds: for what takes milliseconds. */
  readonly promptly: (isReached: () => Promise<boolean>) => Promise<void>
}

export const bytesPerMib = 1024 ** 2

/** More may be promised than the host has: most of the machines that are measured do nothing. */
const overcommit = 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n'

export async function openStorageLab(configuration = ''): Promise<StorageLab> {
  const lab = await openLab(undefined, { configuration: `${overcommit}${configuration}` })
  await lab.startDaemon()
  const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'nano' })
  const nanoId = await waitForImage(lab, taskId)
  const servers = await prepareServers(lab)
  const { AvailabilityZones: zones } = await lab.call('DescribeAvailabilityZones', {})
  const zone = zones?.[0]?.ZoneName ?? ''
  const { Subnets: subnets } = await lab.call('DescribeSubnets', {
    Filters: [{ Name: 'availability-zone', Values: [zone] }],
  })
  const subnetId = subnets?.[0]?.SubnetId ?? ''
  return {
    lab,
    servers,
    nanoId,
    zone,
    launchNano: async (rootGib) => {
      const [id = ''] = await servers.launch(nanoId, {
        InstanceType: 't3.micro',
        SubnetId: subnetId,
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: rootGib } }],
      })
      await servers.waitForStage(id, 'ssh')
      return id
    },
    terminate: async (ids) => {
      await lab.call('TerminateInstances', { InstanceIds: [...ids] })
      await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
    },
    follow: async (id, command) => {
      const { PublicIpAddress: address = '' } = await servers.describe(id)
      const { PublicPorts: ports } = await lab.call('KilnDescribeInstance', { InstanceId: id })
      const port = ports.find(({ Port }) => Port === 22)?.HostPort ?? 22
      const options = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR']
      const subprocess = execa(
        'ssh',
        ['-i', servers.keyFile, ...options, '-p', String(port), `ec2-user@${address}`, command],
        { buffer: false, reject: false },
      )
      return createInterface({ input: subprocess.stdout })
    },
    promptly: async (isReached) => {
      while (!(await isReached())) await new Promise((resolve) => setTimeout(resolve, 1))
    },
  }
}

/** Bytes that a file, or all files of a directory, take on the host's disk. */
export async function allocatedBytes(path: string): Promise<number> {
  const found = await stat(path)
  if (!found.isDirectory()) return found.blocks * 512
  let bytes = 0
  for (const name of await readdir(path)) bytes += await allocatedBytes(join(path, name))
  return bytes
}

/** Reads a file once, so that what is measured next finds it in the host's memory. */
export async function warm(path: string): Promise<void> {
  for await (const _ of createReadStream(path, { highWaterMark: 4 * bytesPerMib }));
}

/** Imports a raw disk of one MiB that begins with this boot sector. */
export async function importBootSector(lab: Lab, name: string, code: readonly number[]): Promise<string> {
  const disk = Buffer.alloc(bytesPerMib)
  Buffer.from(code).copy(disk)
  disk.writeUInt16LE(0xaa55, 510)
  const path = join(lab.home, `${name}.raw`)
  await writeFile(path, disk)
  const { TaskId: taskId } = await lab.call('KilnImportImage', { Source: path, Name: name })
  return await waitForImage(lab, taskId)
}

/** A volume with its state, asked for until it is that. */
export async function waitForVolume(lab: Lab, volumeId: string, state: string): Promise<void> {
  await until(async () => {
    const { Volumes: volumes } = await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })
    return volumes?.[0]?.State === state
  })
}

/** The files of an image's layers, from its root device's own down to the one that all stand on. */
export async function layersOf(lab: Lab, imageId: string): Promise<string[]> {
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  const snapshotId = images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''
  const directory = join(lab.home, 'layers')
  for (const name of await readdir(directory)) {
    const path = join(directory, name, 'disk.qcow2')
    const description = await readFile(join(directory, name, 'layer.yaml'), 'utf8')
    if (description.includes(snapshotId)) return await chainOf(path)
  }
  throw new Error(`${imageId} has no layer`)
}

/** The files that a qcow2 stands on, itself first. */
export async function chainOf(path: string): Promise<string[]> {
  const { stdout } = await execa('qemu-img', ['info', '-U', '--backing-chain', '--output=json', path])
  return (JSON.parse(stdout) as { filename: string }[]).map(({ filename }) => filename)
}
