import { type Figure, median, milliseconds } from '../bench/figure.ts'
import { type StorageLab, waitForVolume } from './storage-lab.ts'

const rounds = 10
const pollMs = 5

/** From the call of AttachVolume until the running server has the disk. */
export async function measureAttach(storage: StorageLab): Promise<Figure[]> {
  const { lab, zone } = storage
  const id = await storage.launchNano(1)
  const { VolumeId: volumeId = '' } = await lab.call('CreateVolume', { Size: 1, AvailabilityZone: zone })
  await waitForVolume(lab, volumeId, 'available')
  const seen: number[] = []
  for (let round = 0; round < rounds; round++) {
    const lines = await storage.follow(
      id,
      `echo ready; while [ ! -b /dev/vdb ]; do usleep ${pollMs * 1000}; done; echo seen`,
    )
    const isReady = nextLine(lines)
    await isReady
    const isSeen = nextLine(lines)
    const began = performance.now()
    await lab.call('AttachVolume', { VolumeId: volumeId, InstanceId: id, Device: '/dev/sdf' })
    await isSeen
    seen.push(performance.now() - began)
    await waitForVolume(lab, volumeId, 'in-use')
    await lab.call('DetachVolume', { VolumeId: volumeId })
    await waitForVolume(lab, volumeId, 'available')
  }
  await lab.call('DeleteVolume', { VolumeId: volumeId })
  const round = await measureRoundTrip(storage, id)
  await storage.terminate([id])
  return [
    milliseconds(
      `AttachVolume → the running server has the disk (median of ${rounds})`,
      median(seen),
      1000,
      `a line through SSH and back ${Math.round(round)} ms`,
    ),
  ]

  async function nextLine(lines: Awaited<ReturnType<StorageLab['follow']>>): Promise<string> {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('close', () => reject(new Error('the server said nothing')))
    })
  }

  async function measureRoundTrip({ servers: asked }: StorageLab, instanceId: string): Promise<number> {
    const times: number[] = []
    for (let round = 0; round < 3; round++) {
      const began = performance.now()
      await asked.run(instanceId, 'true')
      times.push(performance.now() - began)
    }
    return median(times)
  }
}
