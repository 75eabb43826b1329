import { z } from 'zod'

/** How taps of devices on bridges of the host begin, in the namespace, and the ends of the wires that lead there. */
export const bridgedTapPrefix = 'lan'
const wirePrefix = 'ext'

const table = 'netdev bridged'
/** Of a guest that sends from any address at all. */
const rememberedAddresses = 16

/** The end of a tap's wire in the namespace. Pure. */
export function wireOf(tapName: string): string {
  return `${wirePrefix}${tapName.slice(bridgedTapPrefix.length)}`
}

/**
 * What joins each tap with its wire: a frame that arrives at one of them is sent from the other before anything of the namespace has seen it.
 * So neither the VPC's firewall nor its routing has to do with it, whether or not this host has bridges filtered (br_netfilter), and every
 * frame that the bridge carries passes, of whatever protocol. From which addresses the guest asks for others is remembered for a day.
 * What is there already stays. Pure.
 */
export function bridgedRuleset(tapNames: readonly string[]): string {
  return [
    `add table ${table}`,
    ...tapNames.flatMap((tapName) => [
      `add set ${table} ${tapName} { type ipv4_addr; size ${rememberedAddresses}; flags dynamic,timeout; timeout 1d; }`,
      ...chain(tapName, `arp saddr ip != 0.0.0.0 update @${tapName} { arp saddr ip }`, forward(wireOf(tapName))),
      ...chain(wireOf(tapName), forward(tapName)),
    ]),
    '',
  ].join('\n')
}

/** What takes that away again, for taps that may be gone already. Pure. */
export function withoutBridged(tapNames: readonly string[]): string {
  return [
    `add table ${table}`,
    ...tapNames.flatMap((tapName) => [
      ...[tapName, wireOf(tapName)].flatMap((name) =>
        ['add', 'flush', 'delete'].map((verb) => `${verb} chain ${table} ${name}`),
      ),
      `add set ${table} ${tapName} { type ipv4_addr; size ${rememberedAddresses}; flags dynamic,timeout; timeout 1d; }`,
      `delete set ${table} ${tapName}`,
    ]),
    '',
  ].join('\n')
}

/** A device's chain with other rules than before. A device that went took its chain with it, or was only forgotten by it (Linux 6.16). */
function chain(device: string, ...rules: readonly string[]): string[] {
  return [
    `add chain ${table} ${device} { type filter hook ingress device "${device}" priority 0; policy drop; }`,
    `flush chain ${table} ${device}`,
    ...rules.map((rule) => `add rule ${table} ${device} ${rule}`),
  ]
}

function forward(device: string): string {
  return `fwd to "${device}"`
}

const listing = z.object({
  nftables: z.array(
    z.object({
      set: z
        .object({
          table: z.string(),
          name: z.string(),
          elem: z.array(z.object({ elem: z.object({ val: z.string(), expires: z.number() }) })).optional(),
        })
        .optional(),
    }),
  ),
})

/** By tap, the addresses that its guest has asked from, the latest first; from what `nft -j list sets netdev` prints. Pure. */
export function parseBridgedAddresses(json: string): ReadonlyMap<string, readonly string[]> {
  const sets = listing.parse(JSON.parse(json)).nftables.flatMap(({ set }) => (set?.table === 'bridged' ? [set] : []))
  return new Map(
    sets.map(({ name, elem = [] }) => [
      name,
      elem.toSorted((one, other) => other.elem.expires - one.elem.expires).map(({ elem: { val } }) => val),
    ]),
  )
}
