import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { until } from '../../test/e2e/lab.ts'
import { startDockerRegistry } from '../../test/integration/oci/docker-registry.ts'
import type { Figure } from '../bench/figure.ts'
import { waitForImageState } from './image-state.ts'
import { bytesPerMib, layersOf, type StorageLab } from './storage-lab.ts'

const writtenMib = 64
const allowedRatio = 1.1
/** Of a guest's file system: less is not written. */
const blockBytes = 4096

/** What goes over the line when an image is pushed to a registry that has the one that it was made from. */
export async function measurePush({ lab, servers, nanoId, launchNano, terminate }: StorageLab): Promise<Figure[]> {
  const registry = await startDockerRegistry()
  try {
    const { movedBytes: baseBytes } = await push(nanoId, 'nano')
    const id = await launchNano(1)
    await servers.run(id, `dd if=/dev/urandom of=data bs=1M count=${writtenMib} 2>/dev/null && sync`)
    const { ImageId: childId = '' } = await lab.call('CreateImage', { InstanceId: id, Name: 'child', NoReboot: true })
    await waitForImageState(lab, childId, 'available')
    const { movedBytes, skippedBytes } = await push(childId, 'child')
    const differingBytes = await countDifference(await rawOf(nanoId), await rawOf(childId))
    await terminate([id])
    const mib = (bytes: number) => `${(bytes / bytesPerMib).toFixed(2)} MiB`
    return [
      {
        name: `push of an image of a server that wrote ${writtenMib} MiB, to a registry that has its base`,
        value: `${mib(movedBytes)} sent, ${mib(skippedBytes)} were there: ${(movedBytes / differingBytes).toFixed(3)} ×`,
        limit: `≤ ${allowedRatio} × what differs`,
        isKept: movedBytes <= allowedRatio * differingBytes && skippedBytes > 0,
        reference: `blocks of ${blockBytes / 1024} KiB that differ: ${mib(differingBytes)}; the base was ${mib(baseBytes)}`,
      },
    ]
  } finally {
    await registry.close()
  }

  async function push(imageId: string, name: string): Promise<{ movedBytes: number; skippedBytes: number }> {
    const request = { ImageId: imageId, Reference: `${registry.host}/bench/${name}:1` }
    const { TaskId: taskId } = await lab.call('KilnPushImage', request)
    const find = async () => (await lab.call('KilnDescribeTasks', { TaskIds: [taskId] })).Tasks[0]
    await until(async () => (await find())?.State !== 'running')
    const task = await find()
    if (!task?.Transfer) throw new Error(`${name} was not pushed: ${task?.Error?.Message ?? 'no reason is known'}`)
    return { movedBytes: task.Transfer.MovedBytes, skippedBytes: task.Transfer.SkippedBytes }
  }

  /** What a guest would read of an image's root disk, as a file. */
  async function rawOf(imageId: string): Promise<string> {
    const [layer = ''] = await layersOf(lab, imageId)
    const raw = join(lab.home, `${imageId}.raw`)
    await execa('qemu-img', ['convert', '-U', '-f', 'qcow2', '-O', 'raw', layer, raw])
    return raw
  }
}

/** Bytes of the blocks of the second file that are not the first one's; beyond its end the first has zeros. */
async function countDifference(first: string, second: string): Promise<number> {
  const [one, other] = [await open(first), await open(second)]
  try {
    const { size } = await other.stat()
    const [before, after] = [Buffer.alloc(bytesPerMib), Buffer.alloc(bytesPerMib)]
    let bytes = 0
    for (let start = 0; start < size; start += bytesPerMib) {
      before.fill(0)
      after.fill(0)
      await one.read(before, 0, bytesPerMib, start)
      await other.read(after, 0, bytesPerMib, start)
      if (before.equals(after)) continue
      for (let at = 0; at < bytesPerMib; at += blockBytes) {
        if (before.compare(after, at, at + blockBytes, at, at + blockBytes) !== 0) bytes += blockBytes
      }
    }
    return bytes
  } finally {
    await one.close()
    await other.close()
  }
}
