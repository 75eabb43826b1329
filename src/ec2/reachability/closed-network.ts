import type { ClosedNetworks } from '../ports/network.ts'
import type { Obstacle } from './hop.ts'
import { hasAddress } from './packet.ts'

const privateBlocks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as const

/** Why the way out does not lead to an address, as src/network/ruleset.ts has it; undefined where it does. Pure. */
export function closedAt(
  { hostAddresses, lanBlocks }: ClosedNetworks,
  address: string,
): Pick<Obstacle, 'code' | 'text' | 'address'> | undefined {
  const isPrivate = privateBlocks.some((block) => hasAddress(block, address))
  const code = isPrivate ? 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS' : 'NO_POSSIBLE_DESTINATION'
  if (hostAddresses.includes(address)) {
    return { code, address, text: `${address} is this host itself, which no server reaches by the way out` }
  }
  const lan = lanBlocks.find((block) => hasAddress(block, address))
  if (lan === undefined) return undefined
  const text = `${address} is in ${lan}, a network that this host is directly connected to: servers reach none of its machines until the host's configuration says network.reachLan: true`
  return { code, address, text }
}
