import { decode } from 'jpeg-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeUefiData } from '../../src/ec2/uefi/uefi-data.ts'
import { provideImage, type RecipeName } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

// An emulated server that boots by UEFI takes its time to come up: three servers are shared by all tests, and what is done to those with
// UEFI is done to both at once.
let lab: Lab
let servers: Servers
const images = { x86_64: '', i386: '', arm64: '' }
const instances = { x86_64: '', i386: '', arm64: '' }
const types = { x86_64: 't3.nano', i386: 't2.nano', arm64: 't4g.nano' } as const
const architectures = ['x86_64', 'i386', 'arm64'] as const
const withUefi = ['x86_64', 'arm64'] as const

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  servers = await prepareServers(lab)
  images.x86_64 = await provideWithTpm('nano')
  images.i386 = await provideImage(lab, 'nano-i386')
  images.arm64 = await provideWithTpm('nano-arm64')
  await Promise.all(
    architectures.map(async (architecture) => {
      const [id = ''] = await servers.launch(images[architecture], { InstanceType: types[architecture] })
      instances[architecture] = id
      await servers.waitForStage(id, 'ssh')
    }),
  )
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

/** An image of the same disk whose servers boot by UEFI and have a TPM. */
async function provideWithTpm(recipe: RecipeName): Promise<string> {
  const source = await describeImage(await provideImage(lab, recipe))
  const registered = await lab.call('RegisterImage', {
    Name: `${recipe}-tpm`,
    Architecture: source.Architecture,
    BootMode: 'uefi',
    TpmSupport: 'v2.0',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { SnapshotId: source.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId } },
    ],
  })
  return registered.ImageId ?? ''
}

async function describeImage(id: string) {
  const { Images: found } = await lab.call('DescribeImages', { ImageIds: [id] })
  if (!found?.[0]) throw new Error(`${id} is not there`)
  return found[0]
}

const pathOf = (variable: string) => `/sys/firmware/efi/efivars/${variable}-b16edd13-9ea3-4ee1-bc57-2d1d3b0b5a5e`
/** Non-volatile, for the firmware and for the operating system; then what it holds. */
const writeVariable = (variable: string, text: string) =>
  `printf '\\007\\000\\000\\000${text}' | sudo tee ${pathOf(variable)} >/dev/null`
const readVariable = (variable: string) => `sudo tail -c +5 ${pathOf(variable)}`

/** What EC2 answers of the variable, as text. */
async function askVariable(id: string, variable: string): Promise<string | undefined> {
  const { UefiData: data = '' } = await lab.call('GetInstanceUefiData', { InstanceId: id })
  const found = decodeUefiData(data).find(({ name }) => name === variable)
  return found && Buffer.from(found.data, 'base64').toString()
}

/** What the TPM answers to a command, both in hexadecimal digits; the guest's kernel wants a command in one piece. */
async function askTpm(id: string, command: string): Promise<string> {
  const script = `exec 3<>/dev/tpm0; echo ${command.replaceAll(' ', '')} | xxd -r -p >&3; head -c 4096 <&3 | xxd -p`
  return (await servers.run(id, `sudo sh -c '${script}'`)).replaceAll(/\s/g, '')
}
/** TPM2_ReadClock. */
const readClock = '8001 0000000a 00000181'
/** TPM2_CreatePrimary of the endorsement hierarchy by template L-1 of the TCG EK Credential Profile. */
const makeEndorsementKey = [
  '8002 00000163 00000131 4000000b 00000009 40000009 0000 00 0000 0004 0000 0000 013a 0001 000b 000300b2',
  '0020 837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa 0006 0080 0043 0010 0800 00000000',
  `0100 ${'00'.repeat(256)} 0000 00000000`,
].join(' ')

/** How often the TPM has been reset: a counter that it keeps, behind ten bytes of header and two of eight that count milliseconds. */
const countResets = async (id: string) => Number.parseInt((await askTpm(id, readClock)).slice(52, 60), 16)

async function askEndorsementKey(id: string): Promise<string> {
  const { KeyValue: key = '' } = await lab.call('GetInstanceTpmEkPub', {
    InstanceId: id,
    KeyType: 'rsa-2048',
    KeyFormat: 'tpmt',
  })
  return Buffer.from(key, 'base64').toString('hex')
}

test('a server of each architecture is what its image says', async () => {
  const machines = { x86_64: 'x86_64', i386: 'i686', arm64: 'aarch64' }
  for (const architecture of architectures) {
    const id = instances[architecture]
    const bootMode = architecture === 'i386' ? 'legacy-bios' : 'uefi'
    expect(await servers.run(id, 'uname -m')).toBe(machines[architecture])
    expect(await describeImage(images[architecture])).toMatchObject({
      Architecture: architecture,
      BootMode: bootMode,
    })
    expect(await servers.describe(id)).toMatchObject({
      Architecture: architecture,
      CurrentInstanceBootMode: bootMode,
      InstanceType: types[architecture],
    })
  }
  const filter = 'Name=architecture,Values=arm64'
  const found = (await lab.aws('describe-instances', '--filters', filter)) as {
    Reservations: { Instances: { InstanceId: string }[] }[]
  }
  expect(found.Reservations.flatMap((reservation) => reservation.Instances.map((one) => one.InstanceId))).toEqual([
    instances.arm64,
  ])
})

test.each([
  ['x86_64', 't4g.nano'],
  ['i386', 't3.nano'],
  ['i386', 't4g.nano'],
  ['arm64', 't3.nano'],
  ['arm64', 't2.nano'],
] as const)('an image of %s is refused on %s, which does not run it', async (architecture, type) => {
  await expect(servers.launch(images[architecture], { InstanceType: type })).rejects.toThrow('"Code":"Unsupported"')
})

test('an arm64 server sees a volume that is attached while it runs, and lets go of it', async () => {
  const id = instances.arm64
  const zone = (await servers.describe(id)).Placement?.AvailabilityZone ?? ''
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1 })
  const describe = async () => (await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })).Volumes?.[0]
  const find = async () =>
    await servers.run(id, `grep -l ${volumeId.replace('-', '')} /sys/block/*/serial | cut -d/ -f4 || true`)
  await until(async () => (await describe())?.State === 'available')
  for (const device of ['/dev/sdf', '/dev/sdg']) {
    await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: id, Device: device })
    await until(async () => (await find()) !== '')
    const disk = await find()
    if (device === '/dev/sdf') await servers.run(id, `echo kept | sudo dd of=/dev/${disk} conv=fsync`)
    expect(await servers.run(id, `sudo head -n 1 /dev/${disk}`)).toBe('kept')
    await lab.call('DetachVolume', { VolumeId: volumeId })
    await until(async () => (await describe())?.State === 'available')
    expect(await find()).toBe('')
  }
  await lab.call('DeleteVolume', { VolumeId: volumeId })
})

test('the console of an arm64 server can be read, and its screen be seen', async () => {
  const { Output: output = '' } = await lab.call('GetConsoleOutput', { InstanceId: instances.arm64 })
  expect(Buffer.from(output, 'base64').toString('latin1')).toContain('kiln: boot stage kernel')
  const lookAtScreen = async () => {
    const { ImageData: image = '' } = await lab.call('GetConsoleScreenshot', { InstanceId: instances.arm64 })
    return decode(Buffer.from(image, 'base64')).data
  }
  const before = await lookAtScreen()
  await servers.run(instances.arm64, 'echo A line for whoever looks at the screen | sudo tee /dev/tty1')
  const isBright = (value: number, index: number) => index % 4 < 3 && value > 100
  expect((await lookAtScreen()).filter(isBright).length).toBeGreaterThan(before.filter(isBright).length)
})

test('servers that boot by UEFI have a TPM 2.0 of their own, whose key EC2 tells', async () => {
  for (const architecture of withUefi) {
    const id = instances[architecture]
    expect(await servers.run(id, 'cat /sys/class/tpm/tpm0/tpm_version_major')).toBe('2')
    const key = await askEndorsementKey(id)
    expect(key).not.toBe('')
    expect(await askTpm(id, makeEndorsementKey)).toContain(key)
  }
  expect(await askEndorsementKey(instances.x86_64)).not.toBe(await askEndorsementKey(instances.arm64))
})

test('disk, UEFI variables and TPM of a server stay from stop to start', async () => {
  await Promise.all(
    withUefi.map(async (architecture) => {
      const id = instances[architecture]
      await servers.run(id, `echo kept >kept; sync; ${writeVariable('First', architecture)}`)
      expect(await askVariable(id, 'First')).toBe(architecture)
      const resets = await countResets(id)
      await lab.call('StopInstances', { InstanceIds: [id] })
      await servers.waitForState(id, 'stopped')
      expect(await askVariable(id, 'First')).toBe(architecture)
      await lab.call('StartInstances', { InstanceIds: [id] })
      await servers.waitForStage(id, 'ssh')
      expect(await servers.run(id, `cat kept; ${readVariable('First')}`)).toBe(`kept\n${architecture}`)
      // It was shut down by its power button: nothing was to be mended on its disk.
      expect(await servers.run(id, 'sudo dmesg | grep -c recovery || true')).toBe('0')
      expect(await countResets(id)).toBe(resets + 1)
      expect(await askTpm(id, makeEndorsementKey)).toContain(await askEndorsementKey(id))
    }),
  )
})

test('an image of a server keeps how it boots and its UEFI variables, and its servers have TPMs of their own', async () => {
  const askBoot = async (id: string) => await servers.run(id, 'cat /proc/sys/kernel/random/boot_id')
  const before = await askBoot(instances.arm64)
  await Promise.all(
    withUefi.map(async (architecture) => {
      const id = instances[architecture]
      const { ImageId: imageId = '' } = await lab.call('CreateImage', {
        InstanceId: id,
        Name: `copy-${architecture}`,
        // One is imaged while it runs, the other between two boots.
        NoReboot: architecture === 'x86_64',
      })
      await until(async () => (await describeImage(imageId)).State === 'available')
      expect(await describeImage(imageId)).toMatchObject({
        Architecture: architecture,
        BootMode: 'uefi',
        TpmSupport: 'v2.0',
      })
      if (architecture === 'x86_64') await servers.run(id, writeVariable('Second', 'later'))
      const [child = ''] = await servers.launch(imageId, { InstanceType: types[architecture] })
      await servers.waitForStage(child, 'ssh')
      expect(await servers.run(child, `cat kept; ${readVariable('First')}`)).toBe(`kept\n${architecture}`)
      const key = await askEndorsementKey(child)
      expect(await askTpm(child, makeEndorsementKey)).toContain(key)
      expect(key).not.toBe(await askEndorsementKey(id))
      if (architecture === 'arm64') return
      expect(await askVariable(id, 'Second')).toBe('later')
      expect(await askVariable(child, 'Second')).toBeUndefined()
    }),
  )
  await until(async () => (await askBoot(instances.arm64).catch(() => before)) !== before)
})

test('nothing is left of the servers when they are terminated', async () => {
  const { Reservations: reservations = [] } = await lab.call('DescribeInstances', {})
  const ids = reservations.flatMap(({ Instances: found = [] }) => found.map(({ InstanceId: id = '' }) => id))
  await lab.call('TerminateInstances', { InstanceIds: ids })
  await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
  expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
})
