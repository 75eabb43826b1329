import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import type { EventBus } from '../event/event-bus.ts'
import {
  type InterfaceAttachment,
  type InterfaceRecord,
  networkDeviceOf,
} from '../network-interface/network-interface.ts'
import { detachedOf } from '../network-interface/public-address.ts'
import type { Machine } from '../ports/machine.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'

/** Brings the network devices of an instance's machine to what the records of its interfaces say. */
export interface InterfacePlugging {
  /** As DrivePlugging's. */
  converge(machine: Machine, instanceId: string): Promise<boolean>
  /** For an instance without a machine: nothing stands in the way. */
  settle(instanceId: string): void
}

type AttachedInterface = InterfaceRecord & { readonly attachment: InterfaceAttachment }

/** How long a guest that gives a device up by itself may take for it before a forced detachment takes the tap away. */
const forcedPatienceMs = 2000

export function createInterfacePlugging(dependencies: {
  store: Store
  clock: Clock
  events: EventBus
  network: Network
  networks: NetworkDriver
  log: Logger
}): InterfacePlugging {
  const { store, clock, events, network, networks, log } = dependencies

  function listChanging(instanceId: string): AttachedInterface[] {
    return store.interfaces
      .listBy('attachment.instanceId', instanceId)
      .flatMap((record) => (record.attachment?.state ? [{ ...record, attachment: record.attachment }] : []))
  }

  async function plug(machine: Machine, record: AttachedInterface): Promise<void> {
    const device = networkDeviceOf(record, record.attachment)
    try {
      // The tap comes first.
      await networks.refresh(record.vpcId)
      network.commandPrefix(record.vpcId, [device.tapName])
      const present = (await machine.listNetworkDevices()).find(({ id }) => id === device.id)
      if (present?.mac !== device.mac) await machine.plugNetworkDevice(device)
    } catch (error) {
      return giveUp(record, error)
    }
    markAttached(record.id)
  }

  function markAttached(interfaceId: string): void {
    store.transaction(() => {
      const present = store.interfaces.find(interfaceId)
      if (present?.attachment?.state !== 'attaching') return
      const { state: _state, ...attachment } = present.attachment
      store.interfaces.replace({ ...present, attachment })
    })
  }

  function giveUp(record: AttachedInterface, error: unknown): void {
    const { instanceId } = record.attachment
    const why = error instanceof Error ? error.message : String(error)
    log.error({ interfaceId: record.id, instanceId, err: error }, 'network interface could not be attached')
    events.publish({
      kind: 'instance-problem',
      resourceId: instanceId,
      message: `${record.id} could not be attached to ${instanceId}: ${why}`,
    })
    letGo(record)
  }

  function letGo({ id, vpcId }: AttachedInterface): void {
    store.transaction(() => {
      const present = store.interfaces.find(id)
      if (present) store.interfaces.replace(detachedOf(present))
    })
    networks.refreshSoon(vpcId)
  }

  async function unplug(machine: Machine, record: AttachedInterface): Promise<void> {
    const { id, mac } = networkDeviceOf(record, record.attachment)
    const isThere = async () => (await machine.listNetworkDevices()).some((own) => own.id === id && own.mac === mac)
    if (await isThere()) {
      // Refused when the guest was asked just before, as for drives.
      await machine
        .unplugNetworkDevice(id)
        .catch((error: unknown) => log.debug({ interfaceId: record.id, err: error }, 'unplug'))
      if (!record.attachment.isForced) return
      await clock.sleep(forcedPatienceMs)
    }
    await machine.closeNetworkDevice(id)
    letGo(record)
  }

  return {
    converge: async (machine, instanceId) => {
      for (const record of listChanging(instanceId)) {
        if (record.attachment.state === 'attaching') await plug(machine, record)
        else await unplug(machine, record)
      }
      return listChanging(instanceId).some(({ attachment }) => attachment.state === 'detaching')
    },
    settle: (instanceId) => {
      for (const record of listChanging(instanceId)) {
        if (record.attachment.state === 'attaching') markAttached(record.id)
        else letGo(record)
      }
    },
  }
}
