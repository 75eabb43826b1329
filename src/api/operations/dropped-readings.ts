import type { DroppedPackets, Network } from '../../ec2/ports/network.ts'
import type { Clock } from '../../host/clock.ts'

/** What a VPC's interfaces have sent in vain, as of a second ago at most. */
export interface DroppedReadings {
  /** By tap, as `Network.droppedPackets` answers. */
  read(vpcId: string): Promise<ReadonlyMap<string, DroppedPackets>>
}

/** How long a reading is answered from. */
const freshMs = 1_000

/** A reading runs two programs inside the VPC, and whoever waits for servers to boot describes each of them several times a second. */
export function createDroppedReadings(network: Pick<Network, 'droppedPackets'>, clock: Clock): DroppedReadings {
  const readings = new Map<string, { atMs: number; dropped: Promise<ReadonlyMap<string, DroppedPackets>> }>()
  return {
    read: (vpcId) => {
      const atMs = clock.monotonicMs()
      for (const [id, reading] of readings) if (atMs - reading.atMs >= freshMs) readings.delete(id)
      const fresh = readings.get(vpcId)
      if (fresh) return fresh.dropped
      const dropped = network.droppedPackets(vpcId)
      const reading = { atMs, dropped }
      readings.set(vpcId, reading)
      // One that failed is not repeated to others.
      dropped.catch(() => {
        if (readings.get(vpcId) === reading) readings.delete(vpcId)
      })
      return dropped
    },
  }
}
