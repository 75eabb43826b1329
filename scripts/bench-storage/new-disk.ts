import { join } from 'node:path'
import { execa } from 'execa'
import { waitForImageState } from './image-state.ts'
import { type Figure, formatMs, median, milliseconds } from '../bench/figure.ts'
import type { StorageLab } from './storage-lab.ts'

const rounds = 10
const imageGib = 20
const writtenMib = 1024
const limitMs = 40

/** A volume and a root disk from an image of 20 GiB of which one is written. */
export async function measureNewDisks(storage: StorageLab): Promise<Figure[]> {
  const { lab, servers, zone, promptly } = storage
  const id = await storage.launchNano(imageGib)
  await servers.run(id, `sudo dd if=/dev/urandom of=/large bs=1M count=${writtenMib} 2>/dev/null; sync`)
  const { ImageId: imageId = '' } = await lab.call('CreateImage', { InstanceId: id, Name: 'large', NoReboot: true })
  await waitForImageState(lab, imageId, 'available')
  await storage.terminate([id])
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  const snapshotId = images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''

  const volumes: number[] = []
  const roots: number[] = []
  const bare: number[] = []
  const { Volumes: before = [] } = await lab.call('DescribeVolumes', {})
  if (before.length > 0) throw new Error('volumes are left')
  for (let round = 0; round < rounds; round++) {
    let began = performance.now()
    const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', {
      SnapshotId: snapshotId,
      AvailabilityZone: zone,
    })
    await promptly(async () => {
      const { Volumes: found } = await lab.call('DescribeVolumes', { VolumeIds: [volumeId] })
      return found?.[0]?.State === 'available'
    })
    volumes.push(performance.now() - began)
    await lab.call('DeleteVolume', { VolumeId: volumeId })

    const [instanceId = ''] = await servers.launch(imageId)
    await servers.waitForStage(instanceId, 'disk')
    const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: instanceId })
    roots.push((stages.find(({ Name }) => Name === 'disk')?.Seconds ?? Number.NaN) * 1000)
    await storage.terminate([instanceId])

    const path = join(lab.home, 'bare.qcow2')
    const base = join(lab.home, 'base.qcow2')
    if (round === 0) await execa('qemu-img', ['create', '-q', '-f', 'qcow2', base, `${imageGib}G`])
    began = performance.now()
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', path])
    bare.push(performance.now() - began)
  }
  const reference = `\`qemu-img create\` by itself ${formatMs(median(bare))} ms`
  return [
    milliseconds(
      `CreateVolume from a snapshot of ${imageGib} GiB → available (median of ${rounds})`,
      median(volumes),
      limitMs,
      reference,
    ),
    milliseconds(
      `RunInstances of that image → root disk made (median of ${rounds})`,
      median(roots),
      limitMs,
      reference,
    ),
  ]
}
