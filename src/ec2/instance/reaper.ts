import { tidyConnectEndpoints } from '../connect-endpoint/connect-endpoint.ts'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { tidyNatGateways } from '../nat-gateway/nat-gateway.ts'
import type { ClonePool } from '../fast-launch/clone-pool.ts'
import type { Store } from '../ports/store.ts'

/**
 * Forgets terminated instances, with the spot requests that they fulfilled and the replacements of their root volumes, when they have been
 * visible for long enough; and deleted NAT gateways, deleted fleets and client tokens of past days.
 */
export interface InstanceReaper {
  start(): void
  stop(): void
}

const intervalMs = 60_000
/** EC2 tells of deleted fleets for two days. */
const fleetRetentionMs = 48 * 3600 * 1000
/** EC2 remembers tokens for at least a day. */
const tokenRetentionMs = 24 * 3600 * 1000

export function createInstanceReaper(dependencies: {
  store: Store
  clock: Clock
  paths: StatePaths
  clonePool: Pick<ClonePool, 'has'>
  log: Logger
  retentionMs: number
}): InstanceReaper {
  const { store, clock, paths, clonePool, log, retentionMs } = dependencies
  let timer: NodeJS.Timeout | undefined

  function forget(): void {
    const now = clock.now().getTime()
    store.transaction(() => {
      for (const instance of store.instances.listBy('state', 'terminated')) {
        if (now - new Date(instance.stateChangedAt).getTime() < retentionMs) continue
        store.instances.remove(instance.id)
        store.tags.removeAll(instance.id)
        for (const { id } of store.spotRequests.listBy('instanceId', instance.id)) {
          store.spotRequests.remove(id)
          store.tags.removeAll(id)
        }
        for (const { id } of store.rootVolumeTasks.listBy('instanceId', instance.id)) {
          store.rootVolumeTasks.remove(id)
          store.tags.removeAll(id)
        }
      }
      tidyNatGateways(store, clock.now())
      tidyConnectEndpoints(store, clock.now())
      for (const fleet of store.fleets.listAll()) {
        if (fleet.deletedAt === undefined || now - new Date(fleet.deletedAt).getTime() < fleetRetentionMs) continue
        store.fleets.remove(fleet.id)
        store.tags.removeAll(fleet.id)
      }
      store.clientTokens.removeBefore(new Date(now - tokenRetentionMs).toISOString())
    })
  }

  /** Consoles of instances that nobody knows any more, whenever they were forgotten. */
  async function removeForgottenFiles(): Promise<void> {
    for (const name of await readdir(paths.machines)) {
      if (store.instances.find(name) || store.warmTemplates.find(name) || clonePool.has(name)) continue
      await fsExtra.remove(join(paths.machines, name))
    }
  }

  async function reap(): Promise<void> {
    try {
      forget()
      await removeForgottenFiles()
    } catch (error) {
      log.error({ err: error }, 'terminated instances could not be forgotten')
    }
  }

  return {
    start: () => {
      void reap()
      timer = setInterval(() => void reap(), intervalMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
