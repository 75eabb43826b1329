import type { Machine } from '../ec2/ports/machine.ts'
import { findSlot, listPeripherals } from './device-slot.ts'
import { deviceIdOfNetwork, networkDevice, networkIdOf } from './network-device.ts'
import type { QmpLink } from './qmp-link.ts'

/** The network devices of a live machine, by its monitor. QEMU alone knows what is plugged: nothing is remembered here. */
export type NetworkBay = Pick<
  Machine,
  'listNetworkDevices' | 'plugNetworkDevice' | 'unplugNetworkDevice' | 'closeNetworkDevice'
>

export function createNetworkBay({ link }: { link: QmpLink }): NetworkBay {
  async function listNetworkDevices(): Promise<{ id: string; mac: string }[]> {
    const ids = (await listPeripherals(link)).flatMap((name) => networkIdOf(name) ?? [])
    return await Promise.all(
      ids.map(async (id) => {
        const path = `/machine/peripheral/${deviceIdOfNetwork(id)}`
        return { id, mac: String(await link.execute('qom-get', { path, property: 'mac' })).toLowerCase() }
      }),
    )
  }

  return {
    listNetworkDevices,
    plugNetworkDevice: async (device) => {
      // What a daemon that was killed half-way through had added already; mostly there is nothing.
      await link.execute('netdev_del', { id: device.id }).catch(() => undefined)
      const { id, tapName } = device
      await link.execute('netdev_add', { type: 'tap', id, ifname: tapName, script: 'no', downscript: 'no' })
      try {
        await link.execute('device_add', networkDevice(device, await findSlot(link, 'nic', device.port)))
      } catch (error) {
        await link.execute('netdev_del', { id })
        throw error
      }
    },
    unplugNetworkDevice: async (id) => {
      await link.execute('device_del', { id: deviceIdOfNetwork(id) })
    },
    closeNetworkDevice: async (id) => {
      await link.execute('netdev_del', { id }).catch(() => undefined)
    },
  }
}
