import { drivePortCount } from '../ports/machine-spec.ts'
import type { VolumeRecord } from './volume.ts'

/** The lowest port that none of the volumes has, and that nothing else occupies; undefined when all are taken. */
export function lowestFreePort(
  attached: readonly Pick<VolumeRecord, 'attachment'>[],
  isOccupied: (port: number) => boolean = () => false,
): number | undefined {
  const taken = new Set(attached.map(({ attachment }) => attachment?.port))
  const ports = Array.from({ length: drivePortCount }, (_, port) => port)
  return ports.find((port) => !taken.has(port) && !isOccupied(port))
}
