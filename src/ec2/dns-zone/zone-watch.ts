import type { Store } from '../ports/store.ts'
import { readZones } from './zone-network.ts'

/** Knows which VPCs must hear of a change in another one: its instances are what aliases in their zones lead to. */
export interface ZoneWatch {
  /** The network of that VPC is being told of its zones as they are now. */
  note(vpcId: string): void
  /** The VPCs that were told something else of their zones than what is so now. */
  outdated(): string[]
}

export function createZoneWatch(store: Store): ZoneWatch {
  /** None of those without a zone. */
  const told = new Map<string, string>()
  const describe = (vpcId: string) => JSON.stringify(readZones(store, vpcId))
  return {
    note: (vpcId) => {
      if (store.dnsZones.listBy('vpcIds[]', vpcId).length > 0) told.set(vpcId, describe(vpcId))
      else told.delete(vpcId)
    },
    outdated: () => [...told].filter(([vpcId, zones]) => describe(vpcId) !== zones).map(([vpcId]) => vpcId),
  }
}
