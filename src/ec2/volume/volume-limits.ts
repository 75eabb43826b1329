import type { DriveLimits, DriveRate } from '../ports/machine-spec.ts'
import type { VolumePerformance } from './volume-type.ts'

const kib = 1024
const mib = 1024 ** 2
const gib = 1024 ** 3
const gibPerTib = 1024

/** What one I/O operation may move at most before it counts as several: of SSD types and of HDD types ("I/O characteristics"). */
const ssdUnitBytes = 256 * kib
const hddUnitBytes = mib

/** gp2 ("General Purpose SSD volumes"): a bucket of 5.4 million operations, full at first, that the baseline refills. */
const gp2 = { iopsPerGib: 3, least: 100, most: 16_000, burst: 3000, credits: 5_400_000 } as const

/** st1 and sc1 ("Throughput Optimized HDD and Cold HDD volumes"), MiB/s for each TiB: a bucket as large as the volume. */
const hdd = {
  st1: { baselinePerTib: 40, burstPerTib: 250, most: 500, iops: 500 },
  sc1: { baselinePerTib: 12, burstPerTib: 80, most: 250, iops: 250 },
} as const

/** standard ("Previous generation volumes"): "approximately 100 IOPS on average", 40 to 200 IOPS and 40 to 90 MiB/s; how long is Kiln's choice. */
const standard = { iops: 100, burstIops: 200, mibps: 40, burstMibps: 90, seconds: 60 } as const

/** A volume as far as its speed depends on it. */
interface LimitedVolume extends VolumePerformance {
  readonly volumeType: string
  readonly sizeGib: number
}

/** What DescribeVolumes tells of a volume's IOPS: provisioned, or gp2's baseline; undefined for the other types, as on EC2. */
export function iopsOf({ volumeType, sizeGib, iops }: LimitedVolume): number | undefined {
  if (volumeType !== 'gp2') return iops
  return Math.min(gp2.most, Math.max(gp2.least, gp2.iopsPerGib * sizeGib))
}

/** The limits that QEMU holds a volume to: those of its type on EC2. Pure. */
export function limitsOf(volume: LimitedVolume): DriveLimits {
  const { sizeGib, iops = 0 } = volume
  switch (volume.volumeType) {
    case 'gp2':
      return limitGp2(volume)
    case 'gp3':
      return ssd({ baseline: iops }, (volume.throughputMibps ?? 0) * mib)
    case 'io1':
      return ssd({ baseline: iops }, io1BytesPerSecond(iops))
    case 'io2':
      return ssd({ baseline: iops }, Math.min(4000 * mib, iops * ssdUnitBytes))
    case 'st1':
    case 'sc1':
      return limitHdd(hdd[volume.volumeType], sizeGib)
    default:
      return {
        operations: { baseline: standard.iops, burst: { rate: standard.burstIops, seconds: standard.seconds } },
        operationBytes: ssdUnitBytes,
        bytes: {
          baseline: standard.mibps * mib,
          burst: { rate: standard.burstMibps * mib, seconds: standard.seconds },
        },
      }
  }
}

function ssd(operations: DriveRate, bytesPerSecond: number): DriveLimits {
  return { operations, operationBytes: ssdUnitBytes, bytes: { baseline: bytesPerSecond } }
}

/** Above 170 GiB the throughput follows the operations up to its maximum. */
function limitGp2(volume: LimitedVolume): DriveLimits {
  const baseline = iopsOf(volume) ?? gp2.least
  const burst = { rate: gp2.burst, seconds: gp2.credits / gp2.burst }
  return ssd({ baseline, ...(baseline < gp2.burst ? { burst } : {}) }, (volume.sizeGib <= 170 ? 128 : 250) * mib)
}

/** "Up to 256 KiB" an operation until 500 MiB/s; beyond 32 000 IOPS 16 KiB, until 1000 MiB/s. */
function io1BytesPerSecond(iops: number): number {
  return Math.min(1000 * mib, Math.max(Math.min(500 * mib, iops * ssdUnitBytes), iops * 16 * kib))
}

function limitHdd(type: (typeof hdd)['st1' | 'sc1'], sizeGib: number): DriveLimits {
  const perTib = (mibps: number) => Math.round(Math.min(type.most, (mibps * sizeGib) / gibPerTib) * mib)
  const baseline = perTib(type.baselinePerTib)
  const rate = perTib(type.burstPerTib)
  const burst = { rate, seconds: Math.max(1, Math.round((sizeGib * gib) / rate)) }
  return {
    operations: { baseline: type.iops },
    operationBytes: hddUnitBytes,
    bytes: { baseline, ...(baseline < rate ? { burst } : {}) },
  }
}
