import { join } from 'node:path'
import type { StatePaths } from '../../host/state-paths.ts'
import type { InstanceTypeCatalog } from '../instance-type/instance-type.ts'
import { networkDeviceOf } from '../network-interface/network-interface.ts'
import type { AcceleratorVerdict, Architecture } from '../ports/accelerator.ts'
import type { FirmwareFiles, FirmwareSpec, MachineSpec } from '../ports/machine-spec.ts'
import type { Store } from '../ports/store.ts'
import { decodeUefiData } from '../uefi/uefi-data.ts'
import { driveOf } from '../volume/volume.ts'
import { currentBootModeOf } from './boot-mode.ts'
import { bridgedDevicesOf } from './bridged-device.ts'
import type { InstanceRecord } from './instance.ts'

/** What the machine of an instance is made of, as its records say now. */
export interface MachinePlanner {
  plan(record: InstanceRecord): Promise<MachinePlan>
}

export interface MachinePlan {
  readonly spec: MachineSpec
  readonly verdict: AcceleratorVerdict
}

export interface MachinePlannerDependencies {
  readonly store: Store
  readonly paths: StatePaths
  readonly instanceTypes: InstanceTypeCatalog
  /** The accelerator for machines of an architecture, proven once a boot of the host. */
  readonly chooseAccelerator: (architecture: Architecture) => Promise<AcceleratorVerdict>
  /** For example `pc-q35-7.2`. */
  readonly machineTypeOf: (architecture: Architecture) => string
  /** UEFI for machines of an architecture. Rejects with an Error that names the missing package. */
  readonly findFirmware: (architecture: Architecture) => Promise<FirmwareFiles>
}

export function createMachinePlanner(dependencies: MachinePlannerDependencies): MachinePlanner {
  const { store, paths } = dependencies

  async function chooseFirmware(record: InstanceRecord): Promise<FirmwareSpec | undefined> {
    if (currentBootModeOf(record) !== 'uefi') return undefined
    const files = await dependencies.findFirmware(record.architecture)
    return record.uefiData === undefined ? files : { ...files, variables: decodeUefiData(record.uefiData) }
  }

  function specOf(
    record: InstanceRecord,
    verdict: AcceleratorVerdict,
    firmware: FirmwareSpec | undefined,
  ): MachineSpec {
    const type = dependencies.instanceTypes.get(record.instanceType)
    const { cpuOptions } = record
    const volumes = store.volumes.listBy('attachment.instanceId', record.id)
    const interfaces = store.interfaces.listBy('attachment.instanceId', record.id)
    return {
      name: record.id,
      directory: join(paths.machines, record.id),
      architecture: record.architecture,
      accelerator: verdict.accelerator,
      machineType: dependencies.machineTypeOf(record.architecture),
      cpuCount: cpuOptions ? cpuOptions.coreCount * cpuOptions.threadsPerCore : type.vCpus,
      ...(cpuOptions && cpuOptions.threadsPerCore > 1 ? { threadsPerCore: cpuOptions.threadsPerCore } : {}),
      memoryMib: type.memoryMib,
      uuid: record.uuid,
      generationId: record.boot?.generationId ?? record.uuid,
      ...(firmware ? { firmware } : {}),
      ...(record.tpmSupport ? { hasTpm: true } : {}),
      ...(verdict.emulation ? { emulation: verdict.emulation } : {}),
      drives: volumes.flatMap((volume) => {
        const { attachment } = volume
        if (!attachment || attachment.state === 'detaching') return []
        const drive = driveOf({ store, paths }, volume, attachment.port)
        return [attachment.deviceName === record.rootDeviceName ? { ...drive, bootIndex: 0 } : drive]
      }),
      networkDevices: [
        ...interfaces.flatMap((own) => (own.attachment ? networkDeviceOf(own, own.attachment) : [])),
        ...bridgedDevicesOf(record).map(({ bridge: _bridge, ...device }) => device),
      ],
    }
  }

  return {
    plan: async (record) => {
      const verdict = await dependencies.chooseAccelerator(record.architecture)
      return { verdict, spec: specOf(record, verdict, await chooseFirmware(record)) }
    },
  }
}
