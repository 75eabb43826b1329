import type { Architecture } from '../ec2/ports/accelerator.ts'
import type { QmpLink } from './qmp-link.ts'

/** What is plugged in: a drive or a network device. */
export type SlotKind = 'disk' | 'nic'

/** Where a device is plugged in, as QEMU's options `bus` and `addr` of it. */
export interface DeviceSlot {
  readonly bus: string
  readonly addr: string
}

/**
 * The PCI bridge behind which an x86 machine has its drives and network devices. A bridge has 32 slots, into which ACPI plugs while the machine
 * runs, and costs firmware and kernel what one root port does (docs/adr/devices-are-plugged-into-a-bridge.md).
 */
export const slotBridge = 'slots'
const firstSlot = { disk: 1, nic: 16 } as const

/** QEMU's `virt` plugs in by its ports alone. */
export function hasRootPorts(architecture: Architecture): boolean {
  return architecture === 'arm64'
}

export function slotOf(architecture: Architecture, kind: SlotKind, port: number): DeviceSlot {
  return hasRootPorts(architecture) ? slotOfPort(kind, port) : slotOfBridge(kind, port)
}

/** As `slotOf`, in a machine that runs: it may be of any architecture, and of a daemon before this one, which knew no bridge. */
export async function findSlot(link: QmpLink, kind: SlotKind, port: number): Promise<DeviceSlot> {
  return (await listPeripherals(link)).includes(slotBridge) ? slotOfBridge(kind, port) : slotOfPort(kind, port)
}

/** Names of the devices that a machine was given, among those that it has by itself. */
export async function listPeripherals(link: QmpLink): Promise<string[]> {
  const peripherals = (await link.execute('qom-list', { path: '/machine/peripheral' })) as { name: string }[]
  return peripherals.map(({ name }) => name)
}

export function portNameOf(kind: SlotKind, port: number): string {
  return `${kind}-port${port}`
}

function slotOfPort(kind: SlotKind, port: number): DeviceSlot {
  return { bus: portNameOf(kind, port), addr: '0x0' }
}

function slotOfBridge(kind: SlotKind, port: number): DeviceSlot {
  return { bus: slotBridge, addr: `0x${(firstSlot[kind] + port).toString(16)}` }
}
