import { join } from 'node:path'
import type { StatePaths } from '../../host/state-paths.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import { tapNameOf } from '../network-interface/network-interface.ts'
import type { AcceleratorVerdict, Architecture } from '../ports/accelerator.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Store } from '../ports/store.ts'
import { backingOf, driveIdOf } from '../volume/volume.ts'
import type { WarmTemplateRecord } from './fast-launch.ts'
import { templateFilesOf } from './template-files.ts'
import { templateInterfaceOf } from './template-network.ts'

/** A disk that waits for nobody: the limits of a volume are those of the server that has it, and are no part of what it goes on from. */
const unlimited = { operations: { baseline: 100_000 }, operationBytes: 256 * 1024, bytes: { baseline: 2 ** 32 } }

/** The machine that becomes a template: as an instance of the type with nothing but its root volume and one interface. Pure. */
export function describeSource(
  { store, paths }: { store: Store; paths: StatePaths },
  template: Omit<WarmTemplateRecord, 'shape'>,
  how: { architecture: Architecture; verdict: AcceleratorVerdict; machineType: string; type: InstanceType },
): MachineSpec {
  const { id, uuid, macAddress, depth, baseLayerId } = template
  const files = templateFilesOf(paths, id)
  return {
    name: id,
    directory: join(paths.machines, id),
    architecture: how.architecture,
    accelerator: how.verdict.accelerator,
    machineType: how.machineType,
    cpuCount: how.type.vCpus,
    memoryMib: how.type.memoryMib,
    uuid,
    generationId: uuid,
    ...(how.verdict.emulation ? { emulation: how.verdict.emulation } : {}),
    template: { role: 'source', memoryPath: files.memory, depth },
    drives: [
      {
        id: driveIdOf(0),
        path: files.disk,
        ...backingOf({ store, paths }, { layerId: baseLayerId }),
        serial: `vol${id.slice(-17)}`,
        port: 0,
        bootIndex: 0,
        limits: unlimited,
      },
    ],
    networkDevices: [{ id: 'nic0', tapName: tapNameOf(templateInterfaceOf(template)), mac: macAddress, port: 0 }],
  }
}

/** The machine of an instance as it goes on from a template: what the template has not is plugged in once it runs. Pure. */
export function describeClone(paths: StatePaths, templateId: string, spec: MachineSpec): MachineSpec {
  return {
    ...spec,
    template: { role: 'clone', memoryPath: templateFilesOf(paths, templateId).memory },
    drives: spec.drives.filter(({ bootIndex }) => bootIndex === 0),
    networkDevices: spec.networkDevices.filter(({ id }) => id === 'nic0'),
  }
}
