import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../../test/e2e/lab.ts'
import type { Figure } from '../bench/figure.ts'
import { allocatedBytes, bytesPerMib, importBootSector, layersOf, type StorageLab } from './storage-lab.ts'

const machines = 50
const sectorsAtOnce = 127
const writes = 16
const writtenBytes = sectorsAtOnce * writes * 512
/** What the tables of a qcow2 take beside its data. */
const allowedBytes = bytesPerMib

/**
 * A boot sector that writes a MiB of the firmware's own code to the disk, by INT 13h AH=43h (EDD), and rests: a server that costs no
 * processor. The buffer is in the firmware for its bytes are not zero: zeros would take no space.
 */
const writingBootSector = [
  ...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c], // ax, ds, ss = 0; sp = 7c00h
  ...[0xb9, writes, 0x00], // cx = writes
  ...[0x51, 0x52, 0xb4, 0x43, 0xb0, 0x00, 0xbe, 0x27, 0x7c, 0xcd, 0x13, 0x5a, 0x59], // int 13h with the packet below
  ...[0x66, 0x81, 0x06, 0x2f, 0x7c, sectorsAtOnce, 0x00, 0x00, 0x00], // the next sectors
  ...[0xe2, 0xe8, 0xf4, 0xeb, 0xfd], // loop; rest
  ...[0x10, 0x00, sectorsAtOnce, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x00, 0x08, 0, 0, 0, 0, 0, 0], // from f000:0 to sector 2048
]

/** What fifty servers of one image take on the host's disk. */
export async function measureSpace({ lab, servers, terminate }: StorageLab): Promise<Figure[]> {
  const imageId = await importBootSector(lab, 'writer', writingBootSector)
  const volumesDirectory = join(lab.home, 'volumes')
  const layersDirectory = join(lab.home, 'layers')
  const layersBefore = await allocatedBytes(layersDirectory)
  const [image = ''] = await layersOf(lab, imageId)
  const { size: imageBytes } = await stat(image)
  const ids = await servers.launch(imageId, { MinCount: machines, MaxCount: machines })
  const { Volumes: volumes = [] } = await lab.call('DescribeVolumes', {})
  const files = volumes
    .filter(({ Attachments: [attachment] = [] }) => ids.includes(attachment?.InstanceId ?? ''))
    .map(({ VolumeId: id = '' }) => join(volumesDirectory, id))
  await until(async () => {
    const sizes = await Promise.all(files.map(async (path) => await allocatedBytes(path).catch(() => 0)))
    return sizes.every((bytes) => bytes >= writtenBytes)
  })
  let bytes = 0
  for (const path of files) bytes += await allocatedBytes(path)
  const layersGrown = (await allocatedBytes(layersDirectory)) - layersBefore
  await terminate(ids)
  const each = bytes / machines
  const mib = (count: number) => `${(count / bytesPerMib).toFixed(2)} MiB`
  return [
    {
      name: `disk space of ${machines} servers of one image beside the image, each; each wrote ${mib(writtenBytes)}`,
      value: `${mib(each)}, the image grew by ${mib(layersGrown)}`,
      limit: `≤ what it wrote + ${mib(allowedBytes)}`,
      isKept: files.length === machines && each <= writtenBytes + allowedBytes && layersGrown === 0,
      reference: `a copy of the image for each ${mib(imageBytes)}`,
    },
  ]
}
