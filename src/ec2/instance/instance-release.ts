import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import { removeAssociation } from '../iam-instance-profile/association.ts'
import { detachedOf, releasePublicAddresses } from '../network-interface/public-address.ts'
import { removeInterface } from '../network-interface/remove-interface.ts'
import type { Store } from '../ports/store.ts'
import type { VolumeDriver } from '../volume/volume-driver.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import type { InstanceRecord } from './instance.ts'

/** Gives back what an instance had around its machine. */
export interface InstanceRelease {
  /** Takes back the public addresses that a start had given. */
  releaseAddresses(record: InstanceRecord): void
  /** Brings the VPC to what the records say and tells whether that went well; a failure is the log's, not the instance's. */
  refreshNetwork(record: InstanceRecord): Promise<boolean>
  /** After the end: deletes what goes with the instance, lets the rest go. */
  release(record: InstanceRecord): Promise<void>
}

export function createInstanceRelease({
  store,
  paths,
  networks,
  volumes,
  log,
}: {
  store: Store
  paths: StatePaths
  networks: NetworkDriver
  volumes: VolumeDriver
  log: Logger
}): InstanceRelease {
  async function refreshNetwork(record: InstanceRecord): Promise<boolean> {
    try {
      await networks.refresh(record.vpcId)
      return true
    } catch (error) {
      log.error({ vpcId: record.vpcId, err: error }, 'network could not be refreshed')
      return false
    }
  }

  async function release(record: InstanceRecord): Promise<void> {
    const attached = store.volumes.listBy('attachment.instanceId', record.id)
    const doomed = store.transaction(() => {
      removeAssociation(store, record)
      for (const networkInterface of store.interfaces.listBy('attachment.instanceId', record.id)) {
        if (networkInterface.attachment?.deleteOnTermination) {
          removeInterface(store, networkInterface)
        } else {
          store.interfaces.replace(detachedOf(networkInterface))
        }
      }
      return attached.filter((volume) => {
        const { attachment, ...rest } = volume
        if (attachment?.deleteOnTermination || volume.state === 'creating') {
          store.volumes.replace({ ...rest, state: 'deleting' })
          return true
        }
        store.volumes.replace({ ...rest, state: 'available' })
        return false
      })
    })
    // A snapshot of one that stays may have been asked for last.
    for (const { id } of attached) volumes.wake(id)
    const isRefreshed = await refreshNetwork(record)
    await Promise.all(doomed.map(({ id }) => volumes.settle(id)))
    await removeAllButConsole(join(paths.machines, record.id))
    // On a full disk the first try finds no room for its files; the volumes have given some back.
    if (!isRefreshed) await refreshNetwork(record)
  }

  /** As on EC2 the console of a terminated instance can be read for as long as the instance is shown. */
  async function removeAllButConsole(directory: string): Promise<void> {
    if (!(await fsExtra.pathExists(directory))) return
    const names = await fsExtra.readdir(directory)
    await Promise.all(
      names.filter((name) => name !== machineFile.consoleLog).map((name) => fsExtra.remove(join(directory, name))),
    )
  }

  return {
    releaseAddresses: (record) => {
      releasePublicAddresses(store, record)
    },
    refreshNetwork,
    release,
  }
}
