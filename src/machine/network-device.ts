import type { NetworkDeviceSpec } from '../ec2/ports/machine-spec.ts'
import type { DeviceSlot } from './device-slot.ts'

const deviceSuffix = '-device'

/** QEMU's arguments of a virtio-net device, for `-device` and device_add alike. Pure. */
export function networkDevice(device: NetworkDeviceSpec, slot: DeviceSlot): Record<string, string> {
  return {
    driver: 'virtio-net-pci',
    id: deviceIdOfNetwork(device.id),
    netdev: device.id,
    mac: device.mac,
    ...slot,
    // Behind a PCI bridge QEMU would give it ports of virtio 0.9 as well.
    'disable-legacy': 'on',
    // No network boot: without its option ROM the firmware is done a second sooner.
    romfile: '',
  }
}

/** The name of a network device among QEMU's devices. */
export function deviceIdOfNetwork(id: string): string {
  return `${id}${deviceSuffix}`
}

/** The network device of that name among QEMU's devices; undefined for others, such as drives. */
export function networkIdOf(deviceId: string): string | undefined {
  const id = deviceId.endsWith(deviceSuffix) ? deviceId.slice(0, -deviceSuffix.length) : ''
  return id.startsWith('nic') ? id : undefined
}
