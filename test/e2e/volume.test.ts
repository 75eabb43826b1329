import { afterAll, beforeAll, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

let lab: Lab
let servers: Servers
let server: string
let zone: string
let volumeId: string

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
  await lab.startDaemon()
  const nano = await provideImage(lab, 'nano')
  servers = await prepareServers(lab)
  ;[server = ''] = await servers.launch(nano)
  await servers.waitForStage(server, 'ssh')
  zone = (await servers.describe(server)).Placement?.AvailabilityZone ?? ''
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

async function describeVolume(id: string) {
  const { Volumes: volumes } = await lab.call('DescribeVolumes', { VolumeIds: [id] })
  return volumes?.[0]
}
const waitForVolume = async (id: string, state: string) =>
  await until(async () => (await describeVolume(id))?.State === state)
const waitForAttachment = async (id: string, state: string) =>
  await until(async () => (await describeVolume(id))?.Attachments?.[0]?.State === state)
/** The guest's name of the disk with that volume's serial; empty when it has none. */
const deviceOf = async (id: string) =>
  (await servers.run(server, `grep -l ${id.replace('-', '')} /sys/block/*/serial | cut -d/ -f4 || true`)).trim()

test('attaches a volume to a running server, which sees it at once under its serial', async () => {
  const made = await lab.call('CreateVolume', { AvailabilityZone: zone, Size: 1, VolumeType: 'gp3' })
  volumeId = made.VolumeId ?? ''
  expect(made.State).toBe('creating')
  await waitForVolume(volumeId, 'available')
  await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: server, Device: '/dev/sdf' })
  await waitForAttachment(volumeId, 'attached')
  await until(async () => (await deviceOf(volumeId)) !== '')
  const device = await deviceOf(volumeId)
  await servers.run(server, `echo first | sudo dd of=/dev/${device} conv=fsync`)
  expect(await servers.run(server, `cat /sys/block/${device}/size`)).toBe(String(1024 ** 3 / 512))
})

test('detaches it, and the server has it no more', async () => {
  await lab.call('DetachVolume', { VolumeId: volumeId })
  await waitForVolume(volumeId, 'available')
  expect(await deviceOf(volumeId)).toBe('')
})

test('images the running server, and the image boots with what was written', async () => {
  await servers.run(server, 'echo kept | sudo tee /etc/kept && sync')
  const { ImageId: imageId = '' } = await lab.call('CreateImage', { InstanceId: server, Name: 'copy', NoReboot: true })
  await servers.run(server, 'echo later | sudo tee /etc/kept && sync')
  await until(async () => {
    const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
    return images?.[0]?.State === 'available'
  })
  const [child = ''] = await servers.launch(imageId)
  await servers.waitForStage(child, 'ssh')
  expect(await servers.run(child, 'cat /etc/kept')).toBe('kept')
  expect(await servers.run(server, 'cat /etc/kept')).toBe('later')
})
