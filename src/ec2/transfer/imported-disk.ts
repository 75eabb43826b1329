import { nameDevices } from '../image/image-devices.ts'
import type { DiskProgress } from '../ports/work.ts'
import type { ImportedDevice } from './transfer.ts'

/** As EC2 has it. */
const rootDevice = '/dev/sda1'

/** A disk on its way in, and how much of it is there. */
export interface ArrivingDisk extends ImportedDevice {
  readonly percent?: number
}

/** The device of each disk. */
export function deviceNamesOf(disks: readonly ImportedDevice[]): readonly string[] {
  return nameDevices(
    disks.map(({ deviceName }) => deviceName),
    rootDevice,
  )
}

/** What a source holds: an OVA may hold several disks, of which the first has the name that the caller gives. */
export function disksOfSource<Disk extends ImportedDevice>(source: Disk, count: number): readonly Disk[] {
  const { deviceName: _first, ...unnamed } = source
  return Array.from({ length: count }, (_one, index) => (index === 0 ? source : (unnamed as Disk)))
}

/** The disks of an import under way, as far as it is known what its sources hold. */
export function arrivingDisks(
  sources: readonly ImportedDevice[],
  progress: ReadonlyMap<number, DiskProgress> | undefined,
): readonly ArrivingDisk[] {
  return sources.flatMap((source, index): readonly ArrivingDisk[] => {
    const of = progress?.get(index)
    if (!of) return [source]
    return disksOfSource(source, of.sizes.length).map((disk, position) => {
      const sizeBytes = of.sizes[position] ?? 0
      return { ...disk, sizeBytes, percent: percentOf(of, position, sizeBytes) }
    })
  })
}

function percentOf({ index, doneBytes }: DiskProgress, position: number, sizeBytes: number): number {
  if (position !== index) return position < index ? 100 : 0
  return sizeBytes === 0 ? 0 : Math.floor((100 * doneBytes) / sizeBytes)
}
