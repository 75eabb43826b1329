import { join } from 'node:path'
import { machineFile } from '../host/state-paths.ts'
import type { Architecture, Emulation } from '../ec2/ports/accelerator.ts'
import {
  type DriveSpec,
  drivePortCount,
  type MachineSpec,
  type NetworkDeviceSpec,
  networkPortCount,
} from '../ec2/ports/machine-spec.ts'
import { blockNodes, driveDevice, keyObject, throttleGroup } from './block-node.ts'
import { type DeviceSlot, hasRootPorts, portNameOf, slotBridge, type SlotKind, slotOf } from './device-slot.ts'
import { networkDevice } from './network-device.ts'

/** PCI slots on the root complex. Root ports are functions of two slots and all there from the beginning: a machine's shape never changes. */
const slot = { vga: 1, serialBus: 2, random: 3, bridge: 4, drivePorts: 4, networkPorts: 6, balloon: 7 } as const
const functionsPerSlot = 8
/** Block nodes of a UEFI machine's flash. */
const flashNode = { code: 'uefi-code', variables: 'uefi-variables' } as const
/** The port by which a template's guest says that it waits, and a clone's is told who it is. */
const templatePortName = 'org.kiln.template.0'
/** Where nobody has looked at QEMU's version. */
const defaultEmulation: Emulation = { thread: 'multi', guestSettings: [] }
/** The root complex of both q35 and virt. */
const rootBus = 'pcie.0'

/** The QEMU binary for an architecture. */
export function qemuBinaryOf(architecture: Architecture): string {
  // A 32-bit system runs on 64-bit processors, as on EC2.
  return architecture === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64'
}

/**
 * QEMU's arguments for a machine (QEMU 7.2): a pure function of the spec, because adopting a machine and cloning a warm
 * template depend on the same spec giving the same machine. Devices have explicit PCI addresses for the same reason.
 */
export function machineArgv(spec: MachineSpec): [string, ...string[]] {
  const threads = spec.threadsPerCore ?? 1
  const file = (name: keyof typeof machineFile) => join(spec.directory, machineFile[name])
  return [
    qemuBinaryOf(spec.architecture),
    ...['-name', `guest=${escapeComma(spec.name)},process=${escapeComma(spec.name)}`],
    '-nodefaults',
    '-no-user-config',
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-pidfile', file('pid')],
    ...firmwareArguments(spec, file('uefiVariables')),
    ...memoryArguments(spec),
    ...['-machine', machineOption(spec)],
    ...acceleratorArguments(spec),
    ...['-smp', `${spec.cpuCount},sockets=1,cores=${spec.cpuCount / threads},threads=${threads}`],
    ...['-m', `size=${spec.memoryMib}M`],
    ...['-uuid', spec.uuid],
    // cloud-init's ds-identify takes a system whose UUID and serial number both begin with "ec2" for EC2.
    ...['-smbios', `type=1,manufacturer=Kiln,product=Kiln,serial=${spec.uuid}${familyOption(spec)}`],
    ...guestSettingArguments(spec),
    ...['-rtc', 'base=utc'],
    ...['-boot', 'strict=on,menu=off'],
    ...['-display', 'none'],
    ...['-vga', 'none'],
    ...['-device', JSON.stringify(displayDevice(spec))],
    ...['-vnc', `unix:${escapeComma(file('vncSocket'))}`],
    ...['-chardev', socketChardev('qmp', file('qmpSocket'))],
    ...['-mon', 'chardev=qmp,mode=control'],
    // QEMU writes the log itself: a client that connects and does not read would stall the guest, a file cannot.
    ...[
      '-chardev',
      `${socketChardev('serial0', file('serialSocket'))},logfile=${escapeComma(file('consoleLog'))},logappend=on`,
    ],
    ...['-serial', 'chardev:serial0'],
    ...[
      '-device',
      JSON.stringify({ driver: 'virtio-serial-pci', id: 'vserial', bus: rootBus, addr: hex(slot.serialBus) }),
    ],
    ...['-chardev', socketChardev('agent', file('agentSocket'))],
    ...[
      '-device',
      JSON.stringify({ driver: 'virtserialport', bus: 'vserial.0', chardev: 'agent', name: 'org.qemu.guest_agent.0' }),
    ],
    // Every machine has it, so that one that came of a template is no other machine than one that was booted.
    ...['-chardev', socketChardev('template', file('templateSocket'))],
    ...[
      '-device',
      JSON.stringify({ driver: 'virtserialport', bus: 'vserial.0', chardev: 'template', name: templatePortName }),
    ],
    ...['-object', JSON.stringify({ 'qom-type': 'rng-random', id: 'rng0', filename: '/dev/urandom' })],
    ...[
      '-device',
      JSON.stringify({ driver: 'virtio-rng-pci', id: 'rng', rng: 'rng0', bus: rootBus, addr: hex(slot.random) }),
    ],
    ...['-device', JSON.stringify(balloonDevice(spec))],
    ...tpmArguments(spec, file('tpmSocket')),
    // The aarch64 `virt` machine has no vmgenid device in QEMU 7.2.
    ...(spec.architecture === 'arm64'
      ? []
      : ['-device', JSON.stringify({ driver: 'vmgenid', id: 'vmgenid', guid: spec.generationId })]),
    ...plugArguments(spec),
    ...keyArguments(spec.drives),
    ...spec.drives.flatMap((drive) => driveArguments(drive, slotOf(spec.architecture, 'disk', drive.port))),
    ...spec.networkDevices.flatMap((device) =>
      networkDeviceArguments(device, slotOf(spec.architecture, 'nic', device.port)),
    ),
  ]
}

function machineOption({ architecture, machineType, firmware, template }: MachineSpec): string {
  const flash = firmware ? `,pflash0=${flashNode.code},pflash1=${flashNode.variables}` : ''
  const memory = template ? `,memory-backend=${memoryIdOf(architecture)}` : ''
  if (architecture === 'arm64') return `${machineType},gic-version=max,dump-guest-core=off${flash}${memory}`
  // No PC speaker, floppy controller or VMware port; usb and graphics are -nodefaults' already.
  return `${machineType},vmport=off,smm=off,dump-guest-core=off${flash}${memory}`
}

/** The name of a machine's memory where none is given: a state that is saved names it, and is to fit a machine with and without a file. */
function memoryIdOf(architecture: Architecture): string {
  return architecture === 'arm64' ? 'mach-virt.ram' : 'pc.ram'
}

/** A clone that mapped it shared would write into what all others go on from. */
function memoryArguments({ architecture, memoryMib, template }: MachineSpec): string[] {
  if (!template) return []
  const memory = {
    'qom-type': 'memory-backend-file',
    id: memoryIdOf(architecture),
    size: memoryMib * 1024 ** 2,
    'mem-path': template.memoryPath,
    share: template.role === 'source',
  }
  return ['-object', JSON.stringify(memory)]
}

/** How a guest finds out, as it boots, that it is to become a template (images/guest). */
function familyOption({ template }: MachineSpec): string {
  return template?.depth === undefined ? '' : `,family=kiln-template:${template.depth}`
}

/** As a credential that the host's firmware passes on: systemd(1), "System credentials", and systemd-sysctl.service(8). */
function guestSettingArguments({ emulation: { guestSettings } = defaultEmulation }: MachineSpec): string[] {
  if (guestSettings.length === 0) return []
  return ['-smbios', `type=11,value=${escapeComma(`io.systemd.credential:sysctl.extra=${guestSettings.join('\n')}`)}`]
}

function firmwareArguments({ firmware }: MachineSpec, variablesPath: string): string[] {
  if (!firmware) return []
  const { code, variables } = flashNode
  const codeNode = { driver: 'file', 'node-name': code, filename: firmware.codePath, 'read-only': true }
  return [
    ...['-blockdev', JSON.stringify(codeNode)],
    ...['-blockdev', JSON.stringify({ driver: 'file', 'node-name': variables, filename: variablesPath })],
  ]
}

/** virt has no VGA: its firmware and Linux draw into plain memory. */
function displayDevice({ architecture }: MachineSpec): Record<string, unknown> {
  if (architecture === 'arm64') return { driver: 'ramfb', id: 'display' }
  return { driver: 'VGA', id: 'vga', bus: rootBus, addr: hex(slot.vga), vgamem_mb: 16 }
}

/**
 * What the guest has let go of is the host's again: Linux tells of it within seconds, in pieces of 2 MiB. Not of memory that is a template's
 * file: QEMU 7.2 would take those pieces out of the file itself, though it is mapped privately (ram_block_discard_range), and so out of
 * every other clone.
 */
function balloonDevice({ template }: MachineSpec): Record<string, unknown> {
  return {
    ...{ driver: 'virtio-balloon-pci', id: 'balloon', bus: rootBus, addr: hex(slot.balloon) },
    ...{ 'free-page-reporting': template === undefined, 'deflate-on-oom': true },
  }
}

function tpmArguments({ architecture, hasTpm }: MachineSpec, socketPath: string): string[] {
  if (!hasTpm) return []
  const driver = architecture === 'arm64' ? 'tpm-tis-device' : 'tpm-crb'
  return [
    ...['-chardev', `socket,id=tpm,path=${escapeComma(socketPath)}`],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm'],
    ...['-device', JSON.stringify({ driver, tpmdev: 'tpm0' })],
  ]
}

function acceleratorArguments({ accelerator, architecture, emulation = defaultEmulation }: MachineSpec): string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host']
  // TCG's translation cache is 1 GiB by default: 128 MiB makes a Debian guest 510 MiB instead of 1348, no slower.
  // For arm64 the processor of Graviton2: `max` has features whose emulation makes a boot several times as long.
  const cpu = architecture === 'arm64' ? 'neoverse-n1' : 'max'
  return ['-accel', `tcg,tb-size=128,thread=${emulation.thread}`, '-cpu', cpu]
}

/** What drives and network devices are plugged into. */
function plugArguments(spec: MachineSpec): string[] {
  if (hasRootPorts(spec.architecture)) {
    return [
      ...rootPorts('disk', drivePortCount, slot.drivePorts),
      ...rootPorts('nic', networkPortCountOf(spec), slot.networkPorts),
    ]
  }
  // `shpc`: Linux would drive a hot-plug controller of the bridge beside ACPI.
  const bridge = {
    driver: 'pci-bridge',
    id: slotBridge,
    bus: rootBus,
    addr: hex(slot.bridge),
    chassis_nr: 1,
    shpc: false,
  }
  return ['-device', JSON.stringify(bridge)]
}

function rootPorts(kind: SlotKind, count: number, firstSlot: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const address = `${hex(firstSlot + Math.floor(index / functionsPerSlot))}.${hex(index % functionsPerSlot)}`
    const port = {
      driver: 'pcie-root-port',
      id: portNameOf(kind, index),
      bus: rootBus,
      addr: address,
      chassis: (kind === 'disk' ? 1 : 1 + drivePortCount) + index,
      ...(index % functionsPerSlot === 0 ? { multifunction: true } : {}),
    }
    return ['-device', JSON.stringify(port)]
  }).flat()
}

/** A machine with network devices on bridges has further ports for them, so that those of its interfaces stay free. */
function networkPortCountOf({ networkDevices }: MachineSpec): number {
  return Math.max(networkPortCount, ...networkDevices.map(({ port }) => port + 1))
}

/** Each key once: drives of the same image share those of its layers. */
function keyArguments(drives: readonly DriveSpec[]): string[] {
  const keys = new Map(drives.flatMap((drive) => (drive.keys ?? []).map((key) => [key.id, key] as const)))
  return [...keys.values()].flatMap((key) => ['-object', JSON.stringify(keyObject(key))])
}

function driveArguments(drive: DriveSpec, place: DeviceSlot): string[] {
  return [
    ...['-object', JSON.stringify(throttleGroup(drive))],
    ...blockNodes(drive).flatMap((node) => ['-blockdev', JSON.stringify(node)]),
    ...['-device', JSON.stringify(driveDevice(drive, place))],
  ]
}

function networkDeviceArguments(device: NetworkDeviceSpec, place: DeviceSlot): string[] {
  return [
    '-netdev',
    `tap,id=${device.id},ifname=${device.tapName},script=no,downscript=no`,
    '-device',
    JSON.stringify(networkDevice(device, place)),
  ]
}

function socketChardev(id: string, path: string): string {
  return `socket,id=${id},path=${escapeComma(path)},server=on,wait=off`
}

/** QEMU's option syntax writes a comma in a value twice. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,')
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
