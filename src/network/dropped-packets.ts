import { z } from 'zod'
import type { DroppedPackets } from '../ec2/ports/network.ts'
import type { ProcessHost } from '../host/process.ts'
import { guardCounters } from './guard-ruleset.ts'
import { type Namespace, runInside } from './namespace.ts'

/** What the guard has dropped since the namespace was made, by tap; interfaces of which nothing was are not listed. */
export async function readDroppedPackets(
  processes: ProcessHost,
  namespace: Namespace,
): Promise<ReadonlyMap<string, DroppedPackets>> {
  return parseDropped(await runInside(processes, namespace, ['nft', '-j', 'list', 'sets']))
}

const counterElement = z.object({
  elem: z.object({ val: z.string(), counter: z.object({ packets: z.number() }) }),
})
const listing = z.object({
  nftables: z.array(
    z.object({
      set: z.object({ table: z.string(), name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
    }),
  ),
})

/** From what `nft -j list sets` prints (libnftables-json(5)). Pure. */
export function parseDropped(json: string): ReadonlyMap<string, DroppedPackets> {
  const dropped = new Map<string, DroppedPackets>()
  for (const { set } of listing.parse(JSON.parse(json)).nftables) {
    if (set?.table !== 'guard') continue
    const kind = Object.values(guardCounters).find((name) => name === set.name)
    if (kind === undefined) continue
    for (const element of set.elem ?? []) {
      const { val: tapName, counter } = counterElement.parse(element).elem
      const before = dropped.get(tapName) ?? { forged: 0, flood: 0 }
      dropped.set(tapName, { ...before, [kind]: before[kind] + counter.packets })
    }
  }
  return dropped
}
