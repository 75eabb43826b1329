/** Taps of machines that wait for an interface to be recorded for them: the namespaces of their VPCs keep them meanwhile. */
export interface SpareTaps {
  /** Made when the VPC's network is refreshed next. */
  add(vpcId: string, tapName: string): void
  /** It is an interface's by now, or goes when the VPC's network is refreshed next. */
  remove(vpcId: string, tapName: string): void
  of(vpcId: string): readonly string[]
}

export function createSpareTaps(): SpareTaps {
  const taps = new Map<string, Set<string>>()
  return {
    add: (vpcId, tapName) => {
      taps.set(vpcId, (taps.get(vpcId) ?? new Set()).add(tapName))
    },
    remove: (vpcId, tapName) => {
      taps.get(vpcId)?.delete(tapName)
    },
    of: (vpcId) => [...(taps.get(vpcId) ?? [])],
  }
}
