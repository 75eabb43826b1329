import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { MachineSpec } from '../ec2/ports/machine-spec.ts'
import { qemuBinaryOf } from './argv.ts'

/** To be raised with each change of the devices that every machine has (argv.ts). */
const deviceSet = 4

/** As MachineHost.shapeOf. Names, files and rates are not what a guest sees. */
export async function shapeOf(spec: MachineSpec): Promise<string> {
  return await digest(spec, {
    drives: spec.drives.map(({ id, serial, port }) => ({ id, serial, port })).toSorted(byPort),
    networkDevices: spec.networkDevices.map(({ id, mac, port }) => ({ id, mac, port })).toSorted(byPort),
  })
}

/** As MachineHost.templateShapeOf. */
export async function templateShapeOf(spec: MachineSpec): Promise<string> {
  return await digest(spec, {
    drives: spec.drives.map(({ id, port }) => ({ id, port })).toSorted(byPort),
    networkDevices: spec.networkDevices.map(({ id, port }) => ({ id, port })).toSorted(byPort),
  })
}

/** Of the machine with those devices. */
async function digest(spec: MachineSpec, devices: object): Promise<string> {
  const seen = {
    deviceSet,
    architecture: spec.architecture,
    accelerator: spec.accelerator,
    machineType: spec.machineType,
    cpuCount: spec.cpuCount,
    threadsPerCore: spec.threadsPerCore ?? 1,
    memoryMib: spec.memoryMib,
    firmware: spec.firmware?.codePath,
    hasTpm: spec.hasTpm ?? false,
    ...devices,
    // A guest stands still without a word on another processor: on KVM it has the host's, under TCG what this very QEMU emulates.
    processor: spec.accelerator === 'kvm' ? await describeProcessor() : await describeEmulator(spec),
  }
  return createHash('sha256').update(JSON.stringify(seen)).digest('hex')
}

function byPort(one: { readonly port: number }, other: { readonly port: number }): number {
  return one.port - other.port
}

/** The first processor's model and features, as the kernel tells them: x86 and arm64 use different words. */
async function describeProcessor(): Promise<string> {
  const [first = ''] = (await readFile('/proc/cpuinfo', 'utf8')).split('\n\n')
  return first
    .split('\n')
    .filter((line) =>
      /^(vendor_id|model|model name|stepping|flags|CPU (implementer|part|variant)|Features)\s*:/.test(line),
    )
    .join('\n')
}

/** Size and time of the QEMU that is found first, as the kernel finds it. */
async function describeEmulator({ architecture }: MachineSpec): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    const found = await stat(join(directory, qemuBinaryOf(architecture))).catch(() => undefined)
    if (found?.isFile()) return `${found.size} bytes of ${found.mtime.toISOString()}`
  }
  return undefined
}
