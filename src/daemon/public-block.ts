import type { Logger } from 'pino'
import type { EventBus } from '../ec2/event/event-bus.ts'
import { movePublicAddresses } from '../ec2/network-interface/public-address.ts'
import type { Store } from '../ec2/ports/store.ts'
import { claimPublicBlock, findBlockOwner, type PublicBlock } from '../network/public-block.ts'

/** Settings in the store: the block in use, and what the configuration asked for when it was chosen. */
const usedSetting = 'public-cidr'
const wantedSetting = 'public-cidr-wanted'

export interface PublicBlockDependencies {
  readonly store: Store
  readonly events: EventBus
  readonly log: Logger
}

/**
 * Takes the block that this daemon's public addresses lie in: the one it had, unless the configuration has changed its mind or another
 * daemon took it meanwhile. Addresses that records have outside of it move into it, before anything listens there. Undefined when no
 * block is free.
 */
export async function takePublicBlock(
  dependencies: PublicBlockDependencies,
  wanted: string,
  stateDirectory: string,
): Promise<PublicBlock | undefined> {
  const { store, events, log } = dependencies
  const isUnchanged = store.settings.get(wantedSetting) === wanted
  const preferred = (isUnchanged ? store.settings.get(usedSetting) : undefined) ?? wanted
  const block = await claimPublicBlock(preferred, stateDirectory)
  if (!block) return undefined
  const holder = block.cidr === preferred ? undefined : ((await findBlockOwner(preferred)) ?? 'another program')
  if (holder) log.warn({ preferred, cidr: block.cidr, holder }, 'public address block is taken, using another')
  store.transaction(() => {
    store.settings.put(usedSetting, block.cidr)
    store.settings.put(wantedSetting, wanted)
    const why = holder ? `${holder} uses ${preferred}` : `network.publicCidr is ${block.cidr}`
    for (const { instanceId, from, to } of movePublicAddresses(store, block.cidr)) {
      log.warn({ instanceId, from, to }, 'public address moved')
      events.publish({
        kind: 'instance-problem',
        resourceId: instanceId,
        message: `the public address of ${instanceId} is ${to} now, no longer ${from}: ${why}`,
      })
    }
  })
  return block
}
