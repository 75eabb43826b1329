import type { DriveTraffic, MachineUsage } from '../ec2/ports/machine.ts'
import type { ProcessIdentity } from '../host/process.ts'
import { readNetworkTraffic, readProcessMemory, readProcessorSeconds } from '../host/process-usage.ts'
import { driveIdOf } from './block-node.ts'
import type { QmpLink } from './qmp-link.ts'

/** A device as query-blockstats tells of it. */
interface DeviceStatistics {
  readonly qdev?: string
  readonly stats: { readonly rd_bytes: number; readonly wr_bytes: number }
}

/** One that hangs shall not keep others from being shown. */
const answerTimeoutMs = 1000

/** As Machine.measure. */
export async function measureMachine(
  { identity, link }: { identity: ProcessIdentity; link: QmpLink },
  { hasMemory }: { hasMemory: boolean },
): Promise<MachineUsage | undefined> {
  const [processorSeconds, taps, drives, memory] = await Promise.all([
    readProcessorSeconds(identity),
    readNetworkTraffic(identity.pid),
    readDriveTraffic(link),
    hasMemory ? readProcessMemory(identity.pid) : undefined,
  ])
  if (processorSeconds === undefined) return undefined
  return { processorSeconds, taps, ...(drives ? { drives } : {}), ...(memory ? { memory } : {}) }
}

/** Undefined when QEMU does not answer: it hangs, or has just ended. */
async function readDriveTraffic(link: QmpLink): Promise<DriveTraffic | undefined> {
  try {
    const devices = (await link.execute('query-blockstats', undefined, answerTimeoutMs)) as DeviceStatistics[]
    // /machine/peripheral/disk0-device/virtio-backend
    const drives = devices.filter(({ qdev = '' }) => driveIdOf(qdev.split('/')[3] ?? '') !== undefined)
    return {
      read: drives.reduce((sum, { stats }) => sum + stats.rd_bytes, 0),
      written: drives.reduce((sum, { stats }) => sum + stats.wr_bytes, 0),
    }
  } catch {
    return undefined
  }
}
